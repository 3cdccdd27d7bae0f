//! `example.swish`, x / (1 + exp(-beta x)) of float32, and its gradient, as operations of one's own.
//!
//! A program that links the engine registers them before it builds, loads or serves graphs that use them.
#![forbid(unsafe_code)]

use std::sync::Arc;

use ferrule_base::DType;
use ferrule_graph::{
    Applied, Attribute, Attributes, Builder, Fault, GraphError, Op, Operation, Output, Type, Value,
    register,
};
use ferrule_tensor::array::View;

/// Makes both known to the process.
///
/// # Errors
/// [`GraphError`] where they are known already.
pub fn register_all() -> Result<(), GraphError> {
    register(Arc::new(Swish))?;
    register(Arc::new(SwishGrad))
}

/// x / (1 + exp(-beta x)) of one array.
struct Swish;

/// The gradient of [`Swish`], of its input and the gradient by its output.
struct SwishGrad;

fn beta(attributes: &Attributes) -> Result<f32, String> {
    match attributes.get("beta") {
        None => Ok(1.0),
        Some(Attribute::Number(beta)) => Ok(*beta as f32),
        Some(Attribute::Whole(beta)) => Ok(*beta as f32),
        Some(other) => Err(format!("beta is a number, got {other:?}")),
    }
}

/// The type of the first of `count` inputs, all of which are `float32` of one shape.
fn checked(attributes: &Attributes, inputs: &[Type], count: usize) -> Result<Vec<Type>, String> {
    beta(attributes)?;
    if inputs.len() != count || inputs.iter().any(|input| input.dtype != DType::Fp32) {
        return Err(format!("it takes {count} arrays of FP32"));
    }
    if inputs.iter().any(|input| input.dims.merged(&inputs[0].dims).is_none()) {
        return Err("its inputs have one shape".into());
    }
    Ok(vec![inputs[0].clone()])
}

impl Operation for Swish {
    fn name(&self) -> &str {
        "example.swish"
    }

    fn version(&self) -> u32 {
        1
    }

    fn infer(&self, attributes: &Attributes, inputs: &[Type]) -> Result<Vec<Type>, String> {
        checked(attributes, inputs, 1)
    }

    fn compute(
        &self,
        attributes: &Attributes,
        inputs: &[View],
        outputs: &mut [Output],
    ) -> Result<(), String> {
        let beta = beta(attributes)?;
        let x = inputs[0].as_slice::<f32>();
        for (y, &x) in outputs[0].as_mut_slice::<f32>().iter_mut().zip(x) {
            *y = x / (1.0 + (-beta * x).exp());
        }
        Ok(())
    }

    fn gradient(
        &self,
        builder: &mut dyn Builder,
        applied: &Applied,
    ) -> Result<Vec<Option<Value>>, GraphError> {
        let &[Some(grad)] = applied.grads else {
            return Err(Fault::NoGradient { op: "registered" }.into());
        };
        let attributes = applied.attributes.clone();
        let op = Op::Registered { name: SwishGrad.name().into(), version: 1, attributes };
        Ok(vec![Some(builder.emit(op, &[applied.inputs[0], grad])?)])
    }

    fn is_rowwise(&self, _attributes: &Attributes) -> bool {
        true
    }
}

impl Operation for SwishGrad {
    fn name(&self) -> &str {
        "example.swish_grad"
    }

    fn version(&self) -> u32 {
        1
    }

    fn infer(&self, attributes: &Attributes, inputs: &[Type]) -> Result<Vec<Type>, String> {
        checked(attributes, inputs, 2)
    }

    fn compute(
        &self,
        attributes: &Attributes,
        inputs: &[View],
        outputs: &mut [Output],
    ) -> Result<(), String> {
        let beta = beta(attributes)?;
        let (x, g) = (inputs[0].as_slice::<f32>(), inputs[1].as_slice::<f32>());
        for ((by_x, &x), &g) in outputs[0].as_mut_slice::<f32>().iter_mut().zip(x).zip(g) {
            let gate = 1.0 / (1.0 + (-beta * x).exp());
            *by_x = g * (gate + beta * x * gate * (1.0 - gate));
        }
        Ok(())
    }
}
