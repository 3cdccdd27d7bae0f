//! Who shares a run, and what each is told.

use std::time::Duration;

use ferrule_artifact::graph::parts;
use ferrule_base::Limits;
use ferrule_graph::definition::{Known, freeze};
use ferrule_graph::{Graph, Op, Value};
use ferrule_runtime::Registry;
use ferrule_tensor::array::{Array, Shape};
use ferrule_tensor::ops::Unary;
use serde_json::Map;

use super::*;

/// exp of the rows of a table [3, 2] at given places, as a server has it.
fn table() -> Arc<ServedModel> {
    let mut graph = Graph::new();
    let op = Op::Placeholder { dtype: DType::Int32, shape: Some(vec![None]) };
    let x = Value::of(graph.add(op, &[], &[]).unwrap());
    let rows = Array::from_slice(
        DType::Fp32,
        Shape::new(&[3, 2]).unwrap(),
        &[0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0],
    );
    let rows = Value::of(graph.constant(rows).unwrap());
    let y = Value::of(graph.add(Op::Gather { axis: 0 }, &[rows, x], &[]).unwrap());
    let y = Value::of(graph.add(Op::Unary { f: Unary::Exp }, &[y], &[]).unwrap());
    let (inputs, outputs) = ([("x".to_owned(), x)], [("y".to_owned(), y)]);
    let frozen = freeze(&graph, &inputs, &outputs, &Known::default()).unwrap();
    let (manifest, tensors) = parts(frozen, Map::new(), Map::new(), Default::default()).unwrap();

    let folder = std::env::temp_dir().join(format!("ferrule-batch-{}", std::process::id()));
    let path = folder.join(format!("{:?}.safetensors", std::thread::current().id()));
    std::fs::create_dir_all(&folder).unwrap();
    ferrule_artifact::save(&path, manifest, tensors).unwrap();
    let registry = Registry::open(std::slice::from_ref(&path), Some("table"), Limits::default());
    std::fs::remove_file(&path).unwrap();
    registry.unwrap().get("table", "").unwrap()
}

fn question(served: &Arc<ServedModel>, places: &[i32]) -> Question {
    let shape = [places.len() as i64];
    let data = TensorData::Int32(places);
    let input = InputTensor { name: "x", dtype: DType::Int32, shape: &shape, data };
    Question::new(served, &[input], Wanted::defaults(served.model.signature())).unwrap()
}

type Answer = oneshot::Receiver<Predicted>;

/// A line of requests for these places.
fn line(served: &Arc<ServedModel>, requests: &[&[i32]]) -> (State, Vec<Answer>) {
    let mut state = State::default();
    let deadline = Instant::now() + Duration::from_secs(60);
    let stand = |places: &&[i32]| {
        let (answer, receiver) = oneshot::channel();
        let question = question(served, places);
        state.waiting.push_back(Waiting { question, deadline, answer });
        receiver
    };
    let answers = requests.iter().map(stand).collect();
    (state, answers)
}

fn counts(batch: &[Waiting]) -> Vec<usize> {
    batch.iter().map(|one| one.question.rows.unwrap()).collect()
}

#[test]
fn those_who_wait_share_a_run_and_each_is_told_its_own_rows() {
    let served = table();
    let requests: [&[i32]; 3] = [&[2], &[0, 1], &[1, 1, 2]];
    let (mut state, answers) = line(&served, &requests);
    let batch = state.take(64);
    assert_eq!(counts(&batch), [1, 2, 3]);
    let together = together(&batch).unwrap();
    answer_all(batch);
    for ((places, mut answer), joined) in requests.iter().zip(answers).zip(together) {
        let told = answer.try_recv().unwrap().unwrap();
        assert_eq!(told, joined);
        assert_eq!(told, question(&served, places).predict().unwrap());
        assert_eq!(told[0].shape, [places.len() as i64, 2]);
    }
    assert!(state.take(64).is_empty());
}

#[test]
fn a_run_has_its_bound_of_rows_and_a_larger_request_runs_alone() {
    let (mut state, _answers) = line(&table(), &[&[0; 9], &[0], &[0, 1], &[0, 1], &[0]]);
    let rows: Vec<Vec<usize>> = (0..4).map(|_| counts(&state.take(4))).collect();
    assert_eq!(rows, [vec![9], vec![1, 2, 1], vec![2], vec![]]);
}

#[test]
fn requests_of_another_model_wait_for_their_own_run_in_their_order() {
    let (one, other) = (table(), table());
    let (mut state, _answers) = line(&one, &[&[0], &[1]]);
    let (mut others, _others) = line(&other, &[&[2, 2], &[2]]);
    state.waiting.insert(1, others.waiting.pop_front().unwrap());
    state.waiting.push_back(others.waiting.pop_front().unwrap());
    assert_eq!(counts(&state.take(64)), [1, 1]);
    assert_eq!(counts(&state.take(64)), [2, 1]);
}

#[test]
fn the_late_are_told_so_and_the_gone_are_forgotten() {
    let (mut state, mut answers) = line(&table(), &[&[0], &[1], &[2, 2]]);
    state.waiting[0].deadline = Instant::now();
    drop(answers.remove(1));
    assert_eq!(counts(&state.take(64)), [2]);
    let told = answers[0].try_recv().unwrap();
    assert!(matches!(told, Err(Unpredicted::Late)));
}

#[test]
fn one_that_fails_fails_alone() {
    let served = table();
    let (mut state, mut answers) = line(&served, &[&[0], &[7], &[2]]);
    answer_all(state.take(64));
    let told: Vec<Predicted> = answers.iter_mut().map(|one| one.try_recv().unwrap()).collect();
    let error = told[1].as_ref().unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.to_string().contains("cannot run on these inputs"), "{error}");
    for (place, told) in [(0, &told[0]), (2, &told[2])] {
        assert_eq!(*told.as_ref().unwrap(), question(&served, &[place]).predict().unwrap());
    }
}
