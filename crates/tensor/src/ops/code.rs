//! The names of element-wise functions and reductions.

use serde::{Deserialize, Serialize};

/// An enum whose variants have names.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[allow(missing_docs, reason = "each variant is its own documentation")]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name, as it is written down.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

codes! {
    /// A function of one element.
    Unary {
        // Any number.
        Neg = "neg",
        Abs = "abs",
        Sign = "sign",
        Square = "square",
        // Floats.
        Reciprocal = "reciprocal",
        Exp = "exp",
        Expm1 = "expm1",
        Log = "log",
        Log1p = "log1p",
        Sqrt = "sqrt",
        Rsqrt = "rsqrt",
        Sin = "sin",
        Cos = "cos",
        Tan = "tan",
        Asin = "asin",
        Acos = "acos",
        Atan = "atan",
        Sinh = "sinh",
        Cosh = "cosh",
        Tanh = "tanh",
        Sigmoid = "sigmoid",
        Softplus = "softplus",
        Erf = "erf",
        Erfc = "erfc",
        Floor = "floor",
        Ceil = "ceil",
        /// To the nearest integer, ties to even.
        Round = "round",
        // Float to truth value.
        IsNan = "is_nan",
        IsInf = "is_inf",
        IsFinite = "is_finite",
        // Truth value to truth value.
        LogicalNot = "logical_not",
    }
}

codes! {
    /// A function of two elements of one type.
    Binary {
        // Any number; integers wrap around.
        Add = "add",
        Sub = "sub",
        Mul = "mul",
        /// IEEE division; of integers, truncated.
        Div = "div",
        /// The quotient, rounded down.
        FloorDiv = "floor_div",
        /// What remains of it, with the divisor's sign.
        FloorMod = "floor_mod",
        Pow = "pow",
        /// The greater; NaN where either is NaN.
        Maximum = "maximum",
        /// The lesser; NaN where either is NaN.
        Minimum = "minimum",
        // Floats.
        Atan2 = "atan2",
        // Numbers or truth values to truth value.
        Equal = "equal",
        NotEqual = "not_equal",
        // Numbers to truth value.
        Less = "less",
        LessEqual = "less_equal",
        Greater = "greater",
        GreaterEqual = "greater_equal",
        // Truth values.
        LogicalAnd = "logical_and",
        LogicalOr = "logical_or",
        LogicalXor = "logical_xor",
    }
}

codes! {
    /// How many elements become one.
    Reduction {
        Sum = "sum",
        /// The sum divided by the count; NaN of nothing.
        Mean = "mean",
        Prod = "prod",
        /// NaN where any is NaN; the least value of the type of nothing.
        Max = "max",
        /// NaN where any is NaN; the greatest value of the type of nothing.
        Min = "min",
        Any = "any",
        All = "all",
    }
}

impl Binary {
    /// Whether the result is a truth value.
    pub fn is_predicate(self) -> bool {
        self as u8 >= Self::Equal as u8
    }
}

impl Unary {
    /// Whether the result is a truth value.
    pub fn is_predicate(self) -> bool {
        self as u8 >= Self::IsNan as u8
    }
}
