"""Matrix factorisation by embeddings: ratings of films that nobody has rated yet.

usage: python examples/tf1_matrix_factorisation.py

Ratings are made: 200 people and 100 films, each with 4 hidden traits, and 6,000 of the 20,000
possible ratings with some noise. A model of two embeddings is held to the others.
"""

import numpy as np

import ferrule.flow.compat.v1 as tf

PEOPLE, FILMS, TRAITS, RATED = 200, 100, 4, 6000


def main() -> None:
    """Fit the ratings that are there, and say how far off the others are."""
    rng = np.random.default_rng(3)
    people, films = rng.normal(size=(PEOPLE, TRAITS)), rng.normal(size=(FILMS, TRAITS))
    truth = (people @ films.T / 2 + rng.normal(0, 0.1, (PEOPLE, FILMS))).astype(np.float32)
    pairs = rng.permutation(PEOPLE * FILMS)
    known, hidden = np.divmod(pairs[:RATED], FILMS), np.divmod(pairs[RATED:], FILMS)

    person = tf.placeholder(tf.int64, [None])
    film = tf.placeholder(tf.int64, [None])
    rating = tf.placeholder(tf.float32, [None])
    tf.set_random_seed(5)
    start = tf.random_normal_initializer(stddev=0.3)
    of_person = tf.get_variable("people", [PEOPLE, TRAITS], initializer=start)
    of_film = tf.get_variable("films", [FILMS, TRAITS], initializer=start)
    chosen = tf.nn.embedding_lookup(of_person, person), tf.nn.embedding_lookup(of_film, film)
    predicted = tf.reduce_sum(chosen[0] * chosen[1], axis=1)
    loss = tf.reduce_mean(tf.square(predicted - rating))
    size = tf.nn.l2_loss(of_person) + tf.nn.l2_loss(of_film)
    train = tf.train.AdamOptimizer(0.02).minimize(loss + 1e-4 * size)

    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(30):
            for batch in np.array_split(rng.permutation(RATED), RATED // 200):
                feeds = {person: known[0][batch], film: known[1][batch]}
                session.run(train, {**feeds, rating: truth[known][batch]})
        feeds = {person: hidden[0], film: hidden[1], rating: truth[hidden]}
        off = float(np.sqrt(session.run(loss, feeds)))
    spread = truth.std()
    print(f"{len(hidden[0]):,} ratings it has not seen: {off:.2f} off, of a spread of {spread:.2f}")
    assert off < 0.5 * spread


if __name__ == "__main__":
    main()
