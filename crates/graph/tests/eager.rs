//! Operations that are computed at once, and their gradients.

use std::sync::Arc;

use ferrule_base::DType;
use ferrule_graph::eager::{self, Origin, Record, Tensor};
use ferrule_graph::{Custom, Op};
use ferrule_tensor::array::{Array, Shape};
use ferrule_tensor::ops::{Binary, Reduction, Unary};

fn array(shape: &[usize], values: &[f64]) -> Array {
    Array::from_slice(DType::Fp64, Shape::new(shape).unwrap(), values)
}

fn leaf(array: Array) -> Tensor {
    let origin = Origin { record: Record::leaf(Arc::new(())), output: 0 };
    Tensor::with_origin(array, Some(origin))
}

fn apply(op: Op, inputs: &[&Tensor]) -> Tensor {
    eager::apply(&op, inputs, true).unwrap().into_iter().next().unwrap()
}

fn binary(f: Binary, x: &Tensor, y: &Tensor) -> Tensor {
    apply(Op::Binary { f }, &[x, y])
}

fn gradient(y: &Tensor, x: &Tensor, recording: bool) -> Tensor {
    let made = eager::gradients_of(&[(y, None)], Some(&[x]), recording).unwrap();
    made.into_iter().next().unwrap().tensor.unwrap()
}

fn number(tensor: &Tensor) -> f64 {
    tensor.array().as_slice::<f64>()[0]
}

#[test]
fn what_depends_on_no_leaf_is_not_remembered() {
    let x = Tensor::new(array(&[2], &[1.0, 2.0]));
    assert!(binary(Binary::Add, &x, &x).origin().is_none());
    let w = leaf(array(&[2], &[1.0, 2.0]));
    assert!(binary(Binary::Add, &x, &w).origin().is_some());
    assert!(binary(Binary::Less, &x, &w).array().dtype() == DType::Bool);
    let made = eager::apply(&Op::Binary { f: Binary::Add }, &[&x, &w], false).unwrap();
    assert!(made[0].origin().is_none());
}

#[test]
fn a_structure_is_planned_once_and_fed_with_other_numbers() {
    for start in [1.0, 2.0, 5.0] {
        let x = leaf(array(&[], &[start]));
        let y = binary(Binary::Mul, &x, &apply(Op::Unary { f: Unary::Square }, &[&x]));
        assert_eq!(number(&gradient(&y, &x, false)), 3.0 * start * start);
    }
}

#[test]
fn remembered_gradients_are_functions_of_every_tensor_on_the_way() {
    let x = leaf(array(&[], &[2.0]));
    let inner = apply(Op::Identity, &[&x]);
    let y = binary(Binary::Mul, &binary(Binary::Mul, &inner, &inner), &inner);
    let first = gradient(&y, &inner, true);
    let second = gradient(&first, &inner, true);
    let third = gradient(&second, &x, false);
    assert_eq!([number(&first), number(&second), number(&third)], [12.0, 12.0, 6.0]);
}

#[test]
fn each_leaf_is_given_with_its_gradient() {
    let [x, w] = [3.0, 5.0].map(|value| leaf(array(&[], &[value])));
    let y = binary(Binary::Mul, &x, &w);
    let made = eager::gradients_of(&[(&y, None)], None, false).unwrap();
    for grad in made {
        let is_x = Arc::ptr_eq(&grad.leaf.unwrap(), &x.origin().unwrap().record);
        assert_eq!(number(&grad.tensor.unwrap()), if is_x { 5.0 } else { 3.0 });
    }
}

#[test]
fn a_million_records_are_freed_without_recursion() {
    let one = Tensor::new(array(&[], &[1.0]));
    let mut y = leaf(array(&[], &[0.0]));
    for _ in 0..1_000_000 {
        y = binary(Binary::Add, &y, &one);
    }
    assert_eq!(number(&y), 1e6);
    drop(y);
}

#[test]
fn weights_scale_gradients() {
    let x = leaf(array(&[3], &[1.0, 2.0, 3.0]));
    let y = apply(Op::Unary { f: Unary::Square }, &[&x]);
    let weight = Tensor::new(array(&[3], &[1.0, 0.0, -1.0]));
    let made = eager::gradients_of(&[(&y, Some(&weight))], Some(&[&x]), false).unwrap();
    let grad = made[0].tensor.as_ref().unwrap();
    assert_eq!(grad.array().as_slice::<f64>(), [2.0, 0.0, -6.0]);
}

#[test]
fn a_tensor_that_nothing_depends_on_has_no_gradient() {
    let [x, other] = [1.0, 2.0].map(|value| leaf(array(&[], &[value])));
    let y = apply(Op::Unary { f: Unary::Exp }, &[&x]);
    let made = eager::gradients_of(&[(&y, None)], Some(&[&other]), false).unwrap();
    assert!(made[0].tensor.is_none());
}

/// x * 2, whose gradient says 3.
#[derive(Debug)]
struct Scale(f64);

impl Custom for Scale {
    fn run(&self, inputs: &[Array]) -> Result<Vec<Array>, String> {
        let x = inputs.last().ok_or("an input is expected")?;
        let values: Vec<f64> = x.as_slice::<f64>().iter().map(|x| x * self.0).collect();
        Ok(vec![Array::from_slice(DType::Fp64, *x.shape(), &values)])
    }

    fn gradient(&self) -> Option<Arc<dyn Custom>> {
        Some(Arc::new(Self(3.0)))
    }
}

#[test]
fn the_users_operations_are_differentiated_by_their_own_rule() {
    let x = leaf(array(&[2], &[1.0, 2.0]));
    let custom: Arc<dyn Custom> = Arc::new(Scale(2.0));
    let y = eager::apply_custom(&custom, &[&x], true).unwrap().remove(0);
    let y = apply(Op::Reduce { f: Reduction::Sum, axes: None, keepdims: false }, &[&y]);
    assert_eq!(number(&y), 6.0);
    assert_eq!(gradient(&y, &x, false).array().as_slice::<f64>(), [3.0, 3.0]);
}

#[test]
fn a_reshape_shares_memory() {
    let x = Tensor::new(array(&[2, 3], &[0.0; 6]));
    let y = apply(Op::Reshape { shape: vec![3, -1] }, &[&x]);
    assert_eq!(&**y.array().shape(), [3, 2]);
    assert!(Arc::ptr_eq(x.array().buffer(), y.array().buffer()));
}

#[test]
fn what_does_not_fit_is_refused() {
    let [x, y] = [2, 3].map(|size| Tensor::new(array(&[size], &vec![1.0; size])));
    let error = eager::apply(&Op::Binary { f: Binary::Add }, &[&x, &y], true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`add` cannot broadcast shapes (2,) and (3,): sizes must be equal or 1"
    );
    let whole = Tensor::new(Array::scalar(DType::Int64, 1i64));
    assert!(eager::apply(&Op::Binary { f: Binary::Add }, &[&x, &whole], true).is_err());
}
