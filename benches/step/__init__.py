"""Steps of one-sample linear regression: the task, the contenders and the program that runs one."""
