//! Gradients of element-wise operations, as a table.
//!
//! Each is written in reverse Polish notation: `g` is the gradient of the output, `y` the output, `a` and
//! `b` the inputs, numbers are constants; words are functions of what stands before them. The order of
//! operations is TensorFlow's.

use ferrule_tensor::ops::{Binary, Unary};

use crate::error::GraphError;
use crate::gradient::{Call, Gradients, Scope};
use crate::graph::Value;
use crate::op::Op;
use crate::types::is_float;

/// By the input; empty where there is none.
const UNARY: &[(Unary, &str)] = &[
    (Unary::Neg, "g neg"),
    (Unary::Abs, "g a sign *"),
    (Unary::Sign, "a zeros"),
    (Unary::Square, "g a 2 * *"),
    (Unary::Reciprocal, "g neg y * y *"),
    (Unary::Exp, "g y *"),
    (Unary::Expm1, "g a exp *"),
    (Unary::Log, "g a reciprocal *"),
    (Unary::Log1p, "g a 1 + reciprocal *"),
    (Unary::Sqrt, "g 0.5 * y /"),
    (Unary::Rsqrt, "g -0.5 * y y square * *"),
    (Unary::Sin, "g a cos *"),
    (Unary::Cos, "g a sin * neg"),
    (Unary::Tan, "g a cos reciprocal square *"),
    (Unary::Asin, "g 1 a square - sqrt reciprocal *"),
    (Unary::Acos, "g 1 a square - sqrt reciprocal * neg"),
    (Unary::Atan, "g 1 a square + reciprocal *"),
    (Unary::Sinh, "g a cosh *"),
    (Unary::Cosh, "g a sinh *"),
    (Unary::Tanh, "g 1 y square - *"),
    (Unary::Sigmoid, "g y * 1 y - *"),
    (Unary::Softplus, "g a sigmoid *"),
    (Unary::Erf, "g 1.1283791670955126 a square neg exp * *"),
    (Unary::Erfc, "g -1.1283791670955126 a square neg exp * *"),
    (Unary::Floor, ""),
    (Unary::Ceil, ""),
    (Unary::Round, ""),
    (Unary::IsNan, ""),
    (Unary::IsInf, ""),
    (Unary::IsFinite, ""),
    (Unary::LogicalNot, ""),
];

/// By the left and by the right input.
const BINARY: &[(Binary, &str, &str)] = &[
    (Binary::Add, "g", "g"),
    (Binary::Sub, "g", "g neg"),
    (Binary::Mul, "g b *", "g a *"),
    (Binary::Div, "g b /", "g a neg b / b / *"),
    (Binary::FloorDiv, "", ""),
    (Binary::FloorMod, "g", "g a b floor_div * neg"),
    // To the power of 0 the other factor is 1: 0 to the power of -1 would make NaN of it.
    (Binary::Pow, "g b * a b 0 equal 1 b select 1 - pow *", "g y * a 0 greater a 1 select log *"),
    (Binary::Maximum, "a b greater_equal g 0 select", "a b greater_equal 0 g select"),
    (Binary::Minimum, "a b less_equal g 0 select", "a b less_equal 0 g select"),
    (Binary::Atan2, "g b a square b square + / *", "g a neg a square b square + / *"),
    (Binary::Equal, "", ""),
    (Binary::NotEqual, "", ""),
    (Binary::Less, "", ""),
    (Binary::LessEqual, "", ""),
    (Binary::Greater, "", ""),
    (Binary::GreaterEqual, "", ""),
    (Binary::LogicalAnd, "", ""),
    (Binary::LogicalOr, "", ""),
    (Binary::LogicalXor, "", ""),
];

pub(super) fn gradient(scope: &mut Scope, call: &Call) -> Gradients {
    match call.op {
        Op::Unary { f } => {
            let rule = UNARY.iter().find(|row| row.0 == *f).map_or("", |row| row.1);
            Ok(vec![evaluate(scope, call, rule)?])
        }
        Op::Binary { f } => {
            let rules =
                BINARY.iter().find(|row| row.0 == *f).map_or(["", ""], |row| [row.1, row.2]);
            let by_input = |(input, rule): (usize, &str)| {
                let whole = evaluate(scope, call, rule)?;
                whole.map(|whole| scope.sum_like(whole, call.inputs[input])).transpose()
            };
            rules.into_iter().enumerate().map(by_input).collect()
        }
        Op::Select => {
            let zero = scope.number(0.0, call.inputs[1])?;
            let yes = scope.select(call.inputs[0], call.grad(), zero)?;
            let no = scope.select(call.inputs[0], zero, call.grad())?;
            let yes = scope.sum_like(yes, call.inputs[1])?;
            Ok(vec![None, Some(yes), Some(scope.sum_like(no, call.inputs[2])?)])
        }
        _ => {
            let dtype = scope.type_of(call.inputs[0])?.dtype;
            let back = is_float(dtype).then(|| scope.cast(call.grad(), dtype));
            Ok(vec![back.transpose()?])
        }
    }
}

/// The value of a rule; `None` of an empty one.
fn evaluate(scope: &mut Scope, call: &Call, rule: &str) -> Result<Option<Value>, GraphError> {
    let mut stack: Vec<Value> = Vec::new();
    for word in rule.split_ascii_whitespace() {
        let value = match word {
            "g" => call.grad(),
            "y" => call.outputs[0],
            "a" => call.inputs[0],
            "b" => call.inputs[1],
            _ => match word.parse::<f64>() {
                Ok(number) => scope.number(number, call.inputs[0])?,
                Err(_) => apply(scope, word, &mut stack)?,
            },
        };
        stack.push(value);
    }
    Ok(stack.pop())
}

/// The function `word` of what is on top of the stack.
fn apply(scope: &mut Scope, word: &str, stack: &mut Vec<Value>) -> Result<Value, GraphError> {
    let mut pop = || stack.pop().expect("a rule of the table has an operand for each function");
    if let Some(&f) = Unary::ALL.iter().find(|f| f.name() == word) {
        let x = pop();
        return scope.unary(f, x);
    }
    if word == "zeros" {
        let x = pop();
        return scope.zeros_like(x);
    }
    let (last, before) = (pop(), pop());
    if word == "select" {
        let cond = pop();
        return scope.select(cond, before, last);
    }
    let f = match word {
        "+" => Binary::Add,
        "-" => Binary::Sub,
        "*" => Binary::Mul,
        "/" => Binary::Div,
        _ => *Binary::ALL.iter().find(|f| f.name() == word).expect("a rule names known functions"),
    };
    scope.binary(f, before, last)
}
