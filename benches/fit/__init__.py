"""K-Means training: the data, the contenders and the program that runs one of them."""
