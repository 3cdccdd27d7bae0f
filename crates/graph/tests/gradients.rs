//! Gradients against finite differences, for every operation that has one.

mod common;

use common::{Case, Lab, cases, elementwise_cases};
use ferrule_graph::{Op, Request, Session, Value, gradients};
use ferrule_tensor::ops::{Binary, Unary};

/// The gradient of `sum(op(inputs) * weights)` by each input, and by differences.
fn check(case: &Case) {
    let mut lab = Lab::new();
    let inputs: Vec<Value> = case.inputs.iter().map(|array| lab.placeholder(array)).collect();
    let loss = (case.build)(&mut lab, &inputs);
    let floats: Vec<usize> = (0..inputs.len()).filter(|&i| case.is_float(i)).collect();
    let xs: Vec<Value> = floats.iter().map(|&i| inputs[i]).collect();
    let found = gradients(&mut lab.graph, &[loss], &[], &xs);
    let found = found.unwrap_or_else(|error| panic!("{}: {error}", case.name));
    for (&input, grad) in floats.iter().zip(found) {
        let by_differences = case.differences(&lab, loss, &inputs, input);
        let Some(grad) = grad else {
            let flat = by_differences.iter().all(|&slope| slope.abs() < 1e-7);
            assert!(flat, "{}: no gradient by input {input}", case.name);
            continue;
        };
        let grad = lab.run(grad, &inputs, &case.inputs);
        assert_eq!(grad.shape(), case.inputs[input].shape(), "{}: shape of a gradient", case.name);
        let scale = by_differences.iter().fold(1f64, |most, slope| most.max(slope.abs()));
        for (got, wanted) in grad.as_slice::<f64>().iter().zip(&by_differences) {
            let off = (got - wanted).abs() / scale;
            assert!(off < 2e-6, "{}: input {input}: {got} is not {wanted}", case.name);
        }
    }
}

#[test]
fn every_element_wise_function_has_the_gradient_that_differences_say() {
    let cases = elementwise_cases();
    for f in Unary::ALL {
        assert!(cases.iter().any(|case| case.name == f.name()), "no case of {}", f.name());
    }
    for f in Binary::ALL {
        assert!(cases.iter().any(|case| case.name == f.name()), "no case of {}", f.name());
    }
    cases.iter().for_each(check);
}

#[test]
fn every_other_operation_has_the_gradient_that_differences_say() {
    cases().iter().for_each(check);
}

/// Operations that have no gradient, or whose gradient another test holds, with why.
const OTHERS: [(&str, &str); 20] = [
    ("constant", "it depends on nothing"),
    ("placeholder", "it depends on nothing"),
    ("variable", "it depends on nothing"),
    ("random", "it depends on nothing that has gradients"),
    ("stateless_random", "it depends on nothing that has gradients"),
    ("unary", "a case a function, above"),
    ("binary", "a case a function, above"),
    ("reduce", "a case a function: sum, mean, prod, max, min"),
    ("arg_max", "places do not change by little"),
    ("arg_min", "places do not change by little"),
    ("one_hot", "its input is places"),
    ("shape_of", "shapes do not depend on elements"),
    ("size_of", "shapes do not depend on elements"),
    ("range", "its inputs are known before a run"),
    ("stop_gradient", "it is what has none"),
    ("no_op", "it gives nothing"),
    ("scatter_add", "it changes a variable"),
    ("while_grad", "a loop's steps are kept for its gradient once"),
    ("registered", "its gradient is its own; held in examples/rust_op"),
    ("custom", "its gradient is the user's"),
];

/// What passes the gradient of a variable's new value on.
const ASSIGNMENTS: [&str; 3] = ["assign", "assign_add", "assign_sub"];

#[test]
fn every_operation_has_a_case_or_a_reason() {
    // The names of all operations, as the format says them where it knows none of a name.
    let error = serde_json::from_str::<Op>(r#"{"op": "?"}"#).unwrap_err().to_string();
    let names: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    assert!(names.len() > 60, "{error}");
    let cases = cases();
    for name in &names {
        let has_case = cases.iter().any(|case| case.name == *name);
        let is_other = OTHERS.iter().any(|other| other.0 == *name) || ASSIGNMENTS.contains(name);
        assert!(has_case != is_other, "{name} needs a case or a reason, and not both");
    }
    assert!(OTHERS.iter().all(|other| names.contains(&other.0)), "a reason for no operation");
}

#[test]
fn a_gradient_flows_through_assignments() {
    for (op, sign) in [
        (Op::Assign { id: 0 }, 1.0),
        (Op::AssignAdd { id: 0 }, 1.0),
        (Op::AssignSub { id: 0 }, -1.0),
    ] {
        let mut lab = Lab::new();
        let array = lab.vector(&[3.0]);
        let x = lab.placeholder(&array);
        let y = lab.add(op, &[x]);
        let by_x = gradients(&mut lab.graph, &[y], &[], &[x]).unwrap()[0].unwrap();
        let request = Request { fetches: vec![by_x], targets: vec![], feeds: vec![x] };
        let mut session = Session::new();
        session.variables.set(0, array.clone());
        let made = session.run(&lab.graph, &request, &[array]).unwrap();
        assert_eq!(made[0].as_slice::<f64>(), [sign]);
    }
}

#[test]
fn gradients_have_gradients() {
    let mut lab = Lab::new();
    let x = lab.vector(&[0.3, -0.7, 1.9]);
    let input = lab.placeholder(&x);
    let cube = lab.binary(Binary::Mul, input, input);
    let cube = lab.binary(Binary::Mul, cube, input);
    let first = gradients(&mut lab.graph, &[cube], &[], &[input]).unwrap()[0].unwrap();
    let second = gradients(&mut lab.graph, &[first], &[], &[input]).unwrap()[0].unwrap();
    let third = gradients(&mut lab.graph, &[second], &[], &[input]).unwrap()[0].unwrap();
    let run = |value| lab.run(value, &[input], std::slice::from_ref(&x)).as_slice::<f64>().to_vec();
    let expected =
        |f: fn(f64) -> f64| x.as_slice::<f64>().iter().map(|&x| f(x)).collect::<Vec<_>>();
    for (value, f) in [(first, (|x| 3.0 * x * x) as fn(f64) -> f64), (second, |x| 6.0 * x)] {
        for (got, wanted) in run(value).iter().zip(expected(f)) {
            assert!((got - wanted).abs() < 1e-12, "{got} is not {wanted}");
        }
    }
    assert_eq!(run(third), [6.0; 3]);
}

#[test]
fn what_the_loss_does_not_depend_on_has_no_gradient() {
    let mut lab = Lab::new();
    let array = lab.vector(&[1.0]);
    let (x, y) = (lab.placeholder(&array), lab.placeholder(&array));
    let stopped = lab.add(Op::StopGradient, &[x]);
    let found = gradients(&mut lab.graph, &[stopped], &[], &[x, y]).unwrap();
    assert_eq!(found, [None, None]);
}

#[test]
fn a_value_that_is_asked_for_twice_gets_both_ways() {
    let mut lab = Lab::new();
    let array = lab.vector(&[3.0]);
    let x = lab.placeholder(&array);
    let y = lab.binary(Binary::Mul, x, x);
    let z = lab.binary(Binary::Mul, y, x);
    let found = gradients(&mut lab.graph, &[z], &[], &[x, y]).unwrap();
    let run = |value: Option<Value>| {
        lab.run(value.unwrap(), &[x], std::slice::from_ref(&array)).as_slice::<f64>()[0]
    };
    assert_eq!([run(found[0]), run(found[1])], [27.0, 3.0]);
}
