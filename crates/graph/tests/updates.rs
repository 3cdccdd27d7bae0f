//! Variables that are written over: nobody can tell, but for the time it takes.

mod common;

use common::{Lab, array, places, spread};
use ferrule_base::DType;
use ferrule_graph::{Op, Request, Session, Value};
use ferrule_tensor::array::Array;
use ferrule_tensor::ops::Binary;

const SHAPE: [usize; 2] = [40, 20];

/// One step of a variable down `rate` times the product of two matrices.
struct Descent {
    lab: Lab,
    weights: Value,
    gradient: Value,
    next: Value,
    step: u32,
}

impl Descent {
    fn new() -> Self {
        let mut lab = Lab::new();
        let weights = read(&mut lab, 0);
        let x = lab.constant(spread(&[6, SHAPE[0]], 1.0, 0.1));
        let g = lab.constant(spread(&[6, SHAPE[1]], 0.7, -0.2));
        let gradient = lab.add(Op::MatMul { transpose_a: true, transpose_b: false }, &[x, g]);
        let rate = lab.constant(array(&[], &[0.3]));
        let taken = lab.binary(Binary::Mul, rate, gradient);
        let next = lab.binary(Binary::Sub, weights, taken);
        let step = lab.add(Op::Assign { id: 0 }, &[next]).node;
        Self { lab, weights, gradient, next, step }
    }

    fn run(&self, session: &mut Session, fetches: &[Value]) -> Vec<Array> {
        let targets = vec![self.step];
        let request = Request { fetches: fetches.to_vec(), targets, feeds: vec![] };
        session.run(&self.lab.graph, &request, &[]).unwrap()
    }
}

fn read(lab: &mut Lab, id: u32) -> Value {
    lab.add(Op::Variable { id, dtype: DType::Fp64, shape: SHAPE.to_vec() }, &[])
}

fn session() -> Session {
    let mut session = Session::new();
    session.variables.set(0, spread(&SHAPE, 1.0, 0.0));
    session
}

fn values(session: &Session, id: u32) -> Vec<f64> {
    session.variables.get(id).unwrap().as_slice::<f64>().to_vec()
}

/// `old` less 0.3 times `gradient`.
fn stepped(old: &[f64], gradient: &[f64]) -> Vec<f64> {
    old.iter().zip(gradient).map(|(old, gradient)| old - 0.3 * gradient).collect()
}

#[test]
fn a_variable_that_nobody_shares_changes_where_it_lies() {
    let descent = Descent::new();
    let mut session = session();
    let at = |session: &Session| session.variables.get(0).unwrap().as_slice::<f64>().as_ptr();
    let place = at(&session);
    for _ in 0..3 {
        descent.run(&mut session, &[]);
        assert_eq!(at(&session), place);
    }
}

#[test]
fn what_was_handed_out_stays_and_the_bits_are_the_same() {
    let descent = Descent::new();
    let (mut alone, mut shared) = (session(), session());
    for _ in 0..3 {
        let before = shared.variables.get(0).unwrap().clone();
        let kept = before.as_slice::<f64>().to_vec();
        descent.run(&mut alone, &[]);
        let made = descent.run(&mut shared, &[descent.gradient]);
        assert_eq!(before.as_slice::<f64>(), kept);
        assert_eq!(values(&shared, 0), stepped(&kept, made[0].as_slice()));
        assert_eq!(values(&alone, 0), values(&shared, 0));
    }
}

#[test]
fn a_run_may_ask_for_the_old_value_and_for_the_new_one() {
    let descent = Descent::new();
    let mut session = session();
    let before = values(&session, 0);
    let fetches = [descent.weights, descent.next, descent.gradient];
    let made = descent.run(&mut session, &fetches);
    assert_eq!(made[0].as_slice::<f64>(), before);
    assert_eq!(made[1].as_slice::<f64>(), values(&session, 0));
    assert_eq!(values(&session, 0), stepped(&before, made[2].as_slice()));
}

#[test]
fn who_reads_the_old_value_gets_it_whatever_the_order() {
    let mut descent = Descent::new();
    let lab = &mut descent.lab;
    // Depths at which steps may run before and after the update.
    let mut value = descent.weights;
    let mut sums = Vec::new();
    for _ in 0..6 {
        sums.push(lab.weighted_sum(value));
        let wide = lab.add(Op::MatMul { transpose_a: false, transpose_b: true }, &[value, value]);
        value = lab
            .add(Op::MatMul { transpose_a: false, transpose_b: false }, &[wide, descent.weights]);
    }
    let request = Request { fetches: sums.clone(), targets: vec![], feeds: vec![] };
    let expected = session().run(&descent.lab.graph, &request, &[]).unwrap();
    let made = descent.run(&mut session(), &sums);
    for (made, expected) in made.iter().zip(&expected) {
        assert_eq!(made.as_slice::<f64>(), expected.as_slice::<f64>());
    }
}

#[test]
fn several_variables_change_in_one_pass_over_memory() {
    let mut lab = Lab::new();
    let all: Vec<Value> = (0..3).map(|id| read(&mut lab, id)).collect();
    let tenth = lab.constant(array(&[], &[0.1]));
    let mean = lab.binary(Binary::Add, all[1], tenth);
    let square = lab.binary(Binary::Mul, mean, all[2]);
    let moved = lab.binary(Binary::Sub, all[0], square);
    let assign = |(id, value)| lab.add(Op::Assign { id }, &[value]).node;
    let targets: Vec<u32> = (0..).zip([moved, mean, square]).map(assign).collect();
    let mut session = Session::new();
    let old = [0.0, 0.2, 0.4].map(|offset| spread(&SHAPE, 1.0, offset));
    (0..).zip(&old).for_each(|(id, array)| session.variables.set(id, array.clone()));
    let old = old.map(|array| array.as_slice::<f64>().to_vec());
    let request = Request { fetches: vec![], targets, feeds: vec![] };
    session.run(&lab.graph, &request, &[]).unwrap();
    let [new_0, new_1, new_2] = [0, 1, 2].map(|id| values(&session, id));
    for at in 0..old[0].len() {
        let mean = old[1][at] + 0.1;
        let square = mean * old[2][at];
        assert_eq!([new_0[at], new_1[at], new_2[at]], [old[0][at] - square, mean, square]);
    }
}

#[test]
fn a_run_that_fails_changes_no_variable() {
    let mut descent = Descent::new();
    let beyond = descent.lab.constant(places(&[SHAPE[0] as i64]));
    let wrong = descent.lab.add(Op::Gather { axis: 0 }, &[descent.gradient, beyond]);
    let mut session = session();
    let before = values(&session, 0);
    let request = Request { fetches: vec![wrong], targets: vec![descent.step], feeds: vec![] };
    session.run(&descent.lab.graph, &request, &[]).unwrap_err();
    assert_eq!(values(&session, 0), before);
}
