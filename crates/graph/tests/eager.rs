//! Operations that are computed at once, and their gradients.

use std::sync::Arc;

use ferrule_base::DType;
use ferrule_graph::eager::{self, Gradient, Origin, Record, Tensor};
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
    let made = eager::gradients_of(&[(y, None)], &[x], recording).unwrap();
    made.into_iter().next().unwrap().unwrap()
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
    for (leaf, grad) in eager::leaf_gradients(&y, None, false).unwrap() {
        let is_x = Arc::ptr_eq(&leaf, &x.origin().unwrap().record);
        let Gradient::Tensor(grad) = grad else { panic!("a number is no matrix product") };
        assert_eq!(number(&grad), if is_x { 5.0 } else { 3.0 });
    }
}

#[test]
fn a_leaf_has_a_gradient_by_itself() {
    let x = leaf(array(&[], &[3.0]));
    let made = eager::leaf_gradients(&x, None, false).unwrap();
    assert!(matches!(&made[..], [(_, Gradient::Tensor(one))] if number(one) == 1.0));
}

/// The sum of x w, of x [rows, 3] and a leaf w [3, 4], with numbers that follow `start`.
fn layer(rows: usize, start: f64) -> (Tensor, Tensor) {
    let numbers = |count: usize| (0..count).map(|one| start + one as f64).collect::<Vec<_>>();
    let x = Tensor::new(array(&[rows, 3], &numbers(3 * rows)));
    let w = leaf(array(&[3, 4], &numbers(12)));
    let y = apply(Op::MatMul { transpose_a: false, transpose_b: false }, &[&x, &w]);
    let y = apply(Op::Unary { f: Unary::Tanh }, &[&y]);
    (apply(Op::Reduce { f: Reduction::Sum, axes: None, keepdims: false }, &[&y]), w)
}

fn leaf_gradient(y: &Tensor, recording: bool) -> Gradient {
    eager::leaf_gradients(y, None, recording).unwrap().remove(0).1
}

#[test]
fn a_gradient_that_is_a_product_is_left_as_such_from_the_second_pass_of_a_structure_on() {
    let gradients = [0.25, 0.25, 0.5].map(|start| leaf_gradient(&layer(1, start).0, false));
    let [Gradient::Tensor(first), Gradient::Product(second), Gradient::Product(third)] = gradients
    else {
        panic!("the first gradient is a tensor, and the others are products")
    };
    let bits = |array: &Array| array.as_slice::<f64>().iter().map(|x| x.to_bits()).collect();
    let bits_of: Vec<Vec<u64>> = vec![bits(first.array()), bits(&second.multiply().unwrap())];
    assert_eq!(bits_of[0], bits_of[1]);
    let (y, w) = layer(1, 0.5);
    assert_eq!(bits(gradient(&y, &w, false).array()), bits(&third.multiply().unwrap()) as Vec<u64>);
}

#[test]
fn products_of_factors_that_are_larger_are_computed() {
    for _ in 0..2 {
        assert!(matches!(leaf_gradient(&layer(2, 0.0).0, false), Gradient::Tensor(_)));
    }
}

#[test]
fn gradients_that_have_gradients_are_computed() {
    for _ in 0..2 {
        assert!(matches!(leaf_gradient(&layer(1, 0.0).0, true), Gradient::Tensor(_)));
    }
}

#[test]
fn elements_of_a_leaf_are_held_where_a_gradient_reads_them() {
    let matmul = Op::MatMul { transpose_a: false, transpose_b: false };
    let holders = |w: &Tensor| Arc::strong_count(w.array().buffer());
    let x = Tensor::new(array(&[1, 2], &[1.0, 2.0]));
    let [v, w] = [3.0, 5.0].map(|one| leaf(array(&[2, 2], &[one; 4])));
    let once = apply(matmul.clone(), &[&x, &v]);
    let twice = apply(matmul, &[&once, &w]);
    assert_eq!([holders(&v), holders(&w)], [1, 2]);
    let y = apply(Op::Reduce { f: Reduction::Sum, axes: None, keepdims: false }, &[&twice]);
    assert_eq!(gradient(&y, &v, false).array().as_slice::<f64>(), [10.0, 10.0, 20.0, 20.0]);
    assert_eq!(gradient(&y, &w, false).array().as_slice::<f64>(), [9.0; 4]);
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
    let made = eager::gradients_of(&[(&y, Some(&weight))], &[&x], false).unwrap();
    let grad = made[0].as_ref().unwrap();
    assert_eq!(grad.array().as_slice::<f64>(), [2.0, 0.0, -6.0]);
}

#[test]
fn a_tensor_that_nothing_depends_on_has_no_gradient() {
    let [x, other] = [1.0, 2.0].map(|value| leaf(array(&[], &[value])));
    let y = apply(Op::Unary { f: Unary::Exp }, &[&x]);
    let made = eager::gradients_of(&[(&y, None)], &[&other], false).unwrap();
    assert!(made[0].is_none());
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
