"""Graphs: names, scopes, defaults, collections."""

import threading

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf


def test_names_are_those_of_tensorflow():
    x = tf.placeholder(tf.float32)
    y = tf.placeholder(tf.float32)
    assert (x.name, y.name) == ("Placeholder:0", "Placeholder_1:0")
    assert (x + y).name == "add:0"
    assert (x + y).name == "add_1:0"
    assert (x * 2.0).name == "mul:0"
    assert tf.constant(1.0).name == "Const:0"
    assert tf.Variable(1.0).name == "Variable:0"
    assert tf.Variable(1.0).name == "Variable_1:0"
    assert tf.add(x, y, name="total").op.name == "total"
    assert tf.matmul(tf.zeros([1, 2]), tf.zeros([2, 1])).name == "MatMul:0"


def test_names_that_differ_by_case_alone_do_not_meet():
    assert tf.constant(1, name="a").name == "a:0"
    assert tf.constant(1, name="A").name == "A_1:0"


def test_a_number_that_is_taken_is_passed_over():
    tf.constant(1, name="x_1")
    names = [tf.constant(1, name="x").op.name for _ in range(3)]
    assert names == ["x", "x_2", "x_3"]


def test_name_scopes_nest_and_are_unique():
    with tf.name_scope("a") as scope:
        assert scope == "a/"
        assert tf.constant(1).name == "a/Const:0"
        with tf.name_scope("b"):
            assert tf.constant(1).name == "a/b/Const:0"
    with tf.name_scope("a"):
        assert tf.constant(1).name == "a_1/Const:0"
    with tf.name_scope(scope):
        assert tf.constant(1).name == "a/Const_1:0"


@pytest.mark.parametrize("name", ["", "two words", "-x", "é"])
def test_odd_names_are_refused(name):
    with pytest.raises(ValueError, match="not a valid name"):
        tf.identity(1.0, name=name or " ")


def test_things_are_found_by_name(graph):
    total = tf.constant(1.0) + 2.0
    assert graph.get_tensor_by_name("add:0") is total
    assert graph.get_operation_by_name("add") is total.op
    assert graph.as_graph_element("add:0") is total
    assert graph.as_graph_element(total) is total
    assert [each.name for each in total.op.inputs] == ["Const:0", "add/y:0"]
    assert total.consumers() == []
    assert [each.name for each in graph.get_tensor_by_name("Const:0").consumers()] == ["add"]
    with pytest.raises(KeyError, match="not in the graph"):
        graph.get_operation_by_name("nothing")
    with pytest.raises(KeyError, match="does not exist"):
        graph.get_tensor_by_name("add:1")
    with pytest.raises(ValueError, match="'add:0'"):
        graph.get_tensor_by_name("add")


def test_a_graph_is_the_default_within_its_block():
    outer = tf.get_default_graph()
    with tf.Graph().as_default() as inner:
        assert tf.get_default_graph() is inner
        assert tf.constant(1).graph is inner
    assert tf.get_default_graph() is outer
    with pytest.raises(AssertionError, match="nested"):
        tf.reset_default_graph()


def test_reset_begins_a_new_graph():
    seen = []

    def other_thread():
        first = tf.get_default_graph()
        tf.constant(1)
        tf.reset_default_graph()
        seen.append(tf.get_default_graph() is not first)
        seen.append(tf.constant(1).name)

    thread = threading.Thread(target=other_thread)
    thread.start()
    thread.join()
    assert seen == [True, "Const:0"]


def test_operands_of_two_graphs_are_refused():
    a = tf.constant(1.0)
    with tf.Graph().as_default():
        b = tf.constant(1.0)
        with pytest.raises(ValueError, match="another graph"):
            tf.add(a, b)


def test_numbers_join_the_graph_of_the_tensor():
    a = tf.constant(1.0)
    with tf.Graph().as_default():
        assert (a + 1.0).graph is a.graph


def test_a_finalized_graph_stays_as_it_is(graph):
    graph.finalize()
    with pytest.raises(RuntimeError, match="finalized"):
        tf.constant(1)


def test_equality_is_identity_and_tensors_are_keys():
    a, b = tf.constant(1.0), tf.constant(1.0)
    assert a == a
    assert a != b
    assert {a: 1, b: 2}[a] == 1


def test_a_tensor_has_no_truth_value_no_length_and_no_items_to_go_through():
    x = tf.constant([1.0, 2.0])
    with pytest.raises(TypeError, match=r"tf\.where"):
        bool(x > 1.0)
    with pytest.raises(TypeError, match=r"shape\[0\]"):
        len(x)
    with pytest.raises(TypeError, match="unstack"):
        list(x)
    with pytest.raises(NotImplementedError, match="run it first"):
        np.sin(x)


def test_arrays_leave_operators_to_tensors(run):
    x = tf.constant([1.0, 2.0])
    both = np.array([3.0, 4.0]) + x
    assert isinstance(both, tf.Tensor)
    assert run(both).tolist() == [4.0, 6.0]


def test_collections_keep_what_they_are_given(graph):
    tf.add_to_collection("mine", 1)
    tf.add_to_collections(["mine", "other"], 2)
    assert tf.get_collection("mine") == [1, 2]
    tf.get_collection_ref("mine").append(3)
    assert graph.get_collection("mine") == [1, 2, 3]
    assert "mine" in graph.get_all_collection_keys()
    w = tf.Variable(1.0, name="a/w")
    tf.Variable(1.0, name="b/w")
    assert tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES, scope="a/") == [w]


def test_control_dependencies_order_what_is_within(run):
    v = tf.Variable(1.0)
    change = v.assign(5.0)
    with tf.control_dependencies([change]):
        after = v.read_value() * 2.0
        also = tf.identity(v)
    assert run([after, also]) == [10.0, 5.0]


def test_control_dependencies_of_none_forget_the_outer_ones(run):
    v = tf.Variable(1.0)
    with tf.control_dependencies([v.assign(5.0)]), tf.control_dependencies(None):
        before = v + 0.0
    assert run(before) == 1.0


def test_devices_are_taken_and_not_heeded():
    with tf.device("/gpu:0"):
        assert tf.constant(1.0).name == "Const:0"
