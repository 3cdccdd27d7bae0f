"""Vectors of words by what stands beside them (skip-gram with noise-contrastive estimation).

usage: python examples/tf1_word2vec.py

The text is drawn from a small grammar: animals do what animals do, and machines what machines do.
Words that stand in the same places get vectors that lie close together.
"""

import numpy as np

import ferrule.flow.compat.v1 as tf

KINDS = {
    "animal": (["cat", "dog", "fox", "owl", "hen"], ["eats", "sleeps", "hunts", "hides"]),
    "machine": (["car", "bus", "van", "tram", "truck"], ["brakes", "rolls", "stalls", "honks"]),
}
N_SENTENCES, DIMENSIONS, BATCH, STEPS = 4000, 16, 128, 2500


def sentences(random: np.random.Generator) -> list[list[str]]:
    """Return sentences such as "the fox hunts"."""
    kinds = list(KINDS.values())
    drawn = [kinds[i] for i in random.integers(len(kinds), size=N_SENTENCES)]
    return [["the", str(random.choice(nouns)), str(random.choice(verbs))] for nouns, verbs in drawn]


def main() -> None:
    """Train vectors, and ask each noun for the noun that is closest."""
    tf.set_random_seed(1)
    random = np.random.default_rng(0)
    text = sentences(random)
    # The most frequent first, as the sampler of candidates expects.
    words, counts = np.unique(np.concatenate(text), return_counts=True)
    words = words[np.argsort(-counts)].tolist()
    place = {word: i for i, word in enumerate(words)}
    pairs = [(place[a], place[b]) for line in text for a in line for b in line if a != b]
    centres, contexts = np.array(pairs).T

    centre = tf.placeholder(tf.int64, [BATCH])
    context = tf.placeholder(tf.int64, [BATCH, 1])
    vectors = tf.Variable(tf.random_uniform([len(words), DIMENSIONS], -1.0, 1.0))
    weights = tf.Variable(tf.truncated_normal([len(words), DIMENSIONS], stddev=0.25))
    biases = tf.Variable(tf.zeros([len(words)]))
    chosen = tf.nn.embedding_lookup(vectors, centre)
    loss = tf.reduce_mean(
        tf.nn.nce_loss(weights, biases, context, chosen, num_sampled=6, num_classes=len(words))
    )
    train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    unit = tf.nn.l2_normalize(vectors, 1)
    closeness = tf.matmul(unit, unit, transpose_b=True)

    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(STEPS):
            rows = random.integers(len(centres), size=BATCH)
            session.run(train, {centre: centres[rows], context: contexts[rows, None]})
        close = session.run(closeness)

    n_right = 0
    for nouns, _ in KINDS.values():
        for noun in nouns:
            others = [each for kind, _ in KINDS.values() for each in kind if each != noun]
            closest = max(others, key=lambda other: close[place[noun], place[other]])
            n_right += closest in nouns
            print(f"{noun} is close to {closest}")
    assert n_right >= 9


if __name__ == "__main__":
    main()
