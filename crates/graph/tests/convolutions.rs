//! Layers of convolutions give the bits of their operations, run one after the other.

mod common;

use common::{Lab, spread};
use ferrule_base::DType;
use ferrule_graph::{Op, Padding, Pool, Request, Session, Value, Window, evaluate, gradients};
use ferrule_tensor::array::{Array, Shape};
use ferrule_tensor::ops::{Binary, Unary};

const WINDOW: Window = Window { strides: [1, 1], padding: Padding::Same };

/// What each node gives, by itself; of one output each.
fn one_by_one(lab: &Lab, feeds: &[(Value, Array)]) -> Vec<Array> {
    let mut made: Vec<Array> = Vec::new();
    for (number, node) in lab.graph.nodes().iter().enumerate() {
        let fed = feeds.iter().find(|(value, _)| value.node == number as u32);
        let array = match (fed, &node.op) {
            (Some((_, array)), _) => array.clone(),
            (None, Op::Constant { value }) => value.0.clone(),
            (None, op) => {
                let inputs: Vec<Array> =
                    node.inputs.iter().map(|value| made[value.node as usize].clone()).collect();
                let output = lab.graph.type_of(Value::of(number as u32)).unwrap();
                let shape = output.dims.shape().unwrap();
                evaluate(op, &inputs, &[(output.dtype, shape)], 0).unwrap().remove(0)
            }
        };
        made.push(array);
    }
    made
}

fn bits(array: &Array) -> Vec<u64> {
    match array.dtype() {
        DType::Fp32 => array.as_slice::<f32>().iter().map(|x| x.to_bits().into()).collect(),
        _ => array.as_slice::<f64>().iter().map(|x| x.to_bits()).collect(),
    }
}

/// Images and filters, with numbers of a dtype that are 0 now and then.
fn given(dtype: DType, shape: &[usize]) -> Array {
    let numbers = spread(shape, 2.0, 0.1);
    let rounded: Vec<f64> = numbers.as_slice::<f64>().iter().map(|x| x.round()).collect();
    let array = Array::from_slice(DType::Fp64, Shape::new(shape).unwrap(), &rounded);
    let shape = *array.shape();
    evaluate(&Op::Cast { to: dtype }, &[array], &[(dtype, shape)], 0).unwrap().remove(0)
}

/// A layer, and what it is fed.
struct Layer {
    lab: Lab,
    feeds: Vec<(Value, Array)>,
    made: Value,
    /// The sum of convolution and bias.
    sum: Value,
    rectified: Value,
}

impl Layer {
    fn new(dtype: DType, filter: usize, channels: usize) -> Self {
        let mut lab = Lab::new();
        let shapes: [&[usize]; 3] = [&[3, 6, 8, 4], &[filter, filter, 4, channels], &[channels]];
        let feeds: Vec<(Value, Array)> = shapes
            .iter()
            .map(|shape| {
                let array = given(dtype, shape);
                (lab.placeholder(&array), array)
            })
            .collect();
        let made = lab.add(Op::Conv2d(WINDOW), &[feeds[0].0, feeds[1].0]);
        let sum = lab.binary(Binary::Add, made, feeds[2].0);
        let zero = given(dtype, &[1]);
        let zero = Array::from_buffer(dtype, Shape::SCALAR, zero.buffer().clone());
        let zero = evaluate(
            &Op::Binary { f: Binary::Sub },
            &[zero.clone(), zero],
            &[(dtype, Shape::SCALAR)],
            0,
        );
        let zero = lab.constant(zero.unwrap().remove(0));
        let rectified = lab.binary(Binary::Maximum, zero, sum);
        Self { lab, feeds, made, sum, rectified }
    }

    fn holds(&self, fetches: &[Value], what: &str) {
        let expected = one_by_one(&self.lab, &self.feeds);
        let (feeds, arrays): (Vec<Value>, Vec<Array>) = self.feeds.iter().cloned().unzip();
        let request = Request { fetches: fetches.to_vec(), targets: vec![], feeds };
        let mut session = Session::new();
        // The second run finds memory of the first.
        for _ in 0..2 {
            let got = session.run(&self.lab.graph, &request, &arrays).unwrap();
            for (got, fetch) in got.iter().zip(fetches) {
                assert!(bits(got) == bits(&expected[fetch.node as usize]), "{what}");
            }
        }
    }
}

#[test]
fn what_comes_after_a_convolution_changes_no_bit() {
    for (dtype, filter, channels) in
        [(DType::Fp32, 3, 32), (DType::Fp32, 1, 5), (DType::Fp64, 3, 7), (DType::Fp32, 2, 40)]
    {
        let mut layer = Layer::new(dtype, filter, channels);
        let what = format!("{dtype}, {filter} x {filter}, {channels}");
        let Layer { made, sum, rectified, .. } = layer;
        let curved = layer.lab.unary(Unary::Tanh, sum);
        let scaled = layer.lab.binary(Binary::Mul, made, made);
        for fetches in [
            vec![sum],
            vec![rectified],
            vec![curved],
            vec![scaled],
            vec![sum, rectified],
            vec![curved, sum],
            vec![made, rectified],
            vec![scaled, rectified],
        ] {
            layer.holds(&fetches, &what);
        }
    }
}

#[test]
fn gradients_of_pools_of_rectified_images_are_those_of_their_operations() {
    for (size, strides) in [([2, 2], [2, 2]), ([3, 2], [1, 2]), ([2, 2], [3, 3])] {
        for dtype in [DType::Fp32, DType::Fp64] {
            let mut layer = Layer::new(dtype, 3, 5);
            let window = Window { strides, padding: Padding::Valid };
            let op = Op::Pool { f: Pool::Max, size, window };
            let pooled = layer.lab.add(op, &[layer.rectified]);
            let squared = layer.lab.binary(Binary::Mul, pooled, pooled);
            let by = [layer.sum, layer.feeds[0].0, layer.feeds[1].0];
            let found = gradients(&mut layer.lab.graph, &[squared], &[], &by).unwrap();
            let found: Vec<Value> = found.into_iter().flatten().collect();
            assert_eq!(found.len(), by.len());
            let expected = one_by_one(&layer.lab, &layer.feeds);
            assert!(bits(&expected[found[0].node as usize]).contains(&0));
            layer.holds(&found, &format!("{size:?}, {strides:?}"));
        }
    }
}
