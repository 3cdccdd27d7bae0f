//! Native code against the interpreter: the same bits.

use ferrule_base::DType;
use ferrule_graph::{
    Ask, Graph, Literal, Op, Registers, Request, Scalar, ScalarPlan, Session, Value, Variables,
};
use ferrule_tensor::array::Array;
use ferrule_tensor::ops::{Binary, Unary};

/// Graphs that each test makes; `FERRULE_TEST_GRAPHS` says otherwise.
const GRAPHS: u64 = 5_000;
const STEPS: usize = 7;

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn bits(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let high = self.0 ^ (self.0 >> 29);
        high.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 20
    }

    fn roll(&mut self, sides: usize) -> usize {
        (self.bits() >> 8) as usize % sides
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }

    /// A number as it comes, or one that things go wrong at.
    fn number(&mut self) -> f64 {
        const SPECIALS: [f64; 14] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            2.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e-40,
            -5e-324,
            3e38,
            1e300,
            -1e9,
        ];
        let unit = self.bits() as f64 / (1u64 << 44) as f64 - 0.5;
        match self.roll(4) {
            0 => *self.pick(&SPECIALS),
            1 => unit * 200.0,
            _ => unit * 4.0,
        }
    }
}

/// A float that knows what the engine calls its like.
trait Number: Scalar {
    fn of(number: f64) -> Self;
    /// Its bits, with one NaN for all: which NaN comes of two is not promised.
    fn bits(self) -> u64;
    fn registers(plan: &mut ScalarPlan) -> Option<&mut Registers<Self>>;
}

impl Number for f32 {
    fn of(number: f64) -> Self {
        number as f32
    }
    fn bits(self) -> u64 {
        if self.is_nan() { u64::MAX } else { self.to_bits().into() }
    }
    fn registers(plan: &mut ScalarPlan) -> Option<&mut Registers<Self>> {
        if let ScalarPlan::Single(registers) = plan { Some(registers) } else { None }
    }
}

impl Number for f64 {
    fn of(number: f64) -> Self {
        number
    }
    fn bits(self) -> u64 {
        if self.is_nan() { u64::MAX } else { self.to_bits() }
    }
    fn registers(plan: &mut ScalarPlan) -> Option<&mut Registers<Self>> {
        if let ScalarPlan::Double(registers) = plan { Some(registers) } else { None }
    }
}

/// A graph that looks random, and what it starts from.
struct Sample<T> {
    graph: Graph,
    request: Request,
    variables: Vec<T>,
    rows: Vec<Vec<T>>,
}

impl<T: Number> Sample<T> {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut graph = Graph::new();
        let (n_feeds, n_variables) = (dice.roll(4), 1 + dice.roll(3));
        let dtype = T::DTYPE;
        let mut add = |op: Op, inputs: &[Value]| Value::of(graph.add(op, inputs, &[]).unwrap());
        let placeholder = || Op::Placeholder { dtype, shape: Some(Vec::new()) };
        let feeds: Vec<Value> = (0..n_feeds).map(|_| add(placeholder(), &[])).collect();
        let variable = |id| Op::Variable { id, dtype, shape: Vec::new() };
        let read: Vec<Value> = (0..n_variables).map(|id| add(variable(id as u32), &[])).collect();
        let mut numbers = [feeds.clone(), read].concat();
        for _ in 0..1 + dice.roll(2) {
            let value = Array::scalar(dtype, T::of(dice.number()));
            numbers.push(add(Op::Constant { value: Literal(value) }, &[]));
        }
        let mut truths = Vec::new();
        for _ in 0..2 + dice.roll(14) {
            grow(dtype, &mut dice, &mut add, &mut numbers, &mut truths);
        }
        let mut targets = Vec::new();
        for id in 0..n_variables as u32 {
            if dice.roll(4) > 0 {
                targets.push(add(Op::Assign { id }, &[*dice.pick(&numbers)]).node);
            }
        }
        let fetches = (0..1 + dice.roll(3)).map(|_| *dice.pick(&numbers)).collect();
        let mut some = |n: usize| (0..n).map(|_| T::of(dice.number())).collect();
        let variables = some(n_variables);
        let rows = (0..n_feeds).map(|k| some(1 + (seed as usize + 3 * k) % 5)).collect();
        Self { graph, request: Request { fetches, targets, feeds }, variables, rows }
    }

    fn start(&self) -> Session {
        let mut session = Session::new();
        for (id, &value) in self.variables.iter().enumerate() {
            session.variables.set(id as u32, Array::scalar(T::DTYPE, value));
        }
        session
    }

    /// What steps give and leave, one by one and all at once; `None` where the plan is of no scalars.
    fn outcome(&self, native: bool) -> Option<Vec<u64>> {
        let mut session = self.start();
        let fed: Vec<Array> = self.rows.iter().map(|row| Array::scalar(T::DTYPE, row[0])).collect();
        session.run(&self.graph, &self.request, &fed).unwrap();
        let Request { fetches, targets, feeds } = &self.request;
        let (plan, variables) = session.find_scalars(Ask { fetches, targets, feeds })?;
        let registers = T::registers(plan)?;
        if native {
            assert!(registers.compile(), "this machine has native code");
        }
        let mut seen = Vec::new();
        for step in 0..STEPS {
            for (k, row) in self.rows.iter().enumerate() {
                registers.feed(k, row[step % row.len()]);
            }
            registers.run(variables).unwrap();
            self.look(registers, variables, &mut seen);
        }
        let rows: Vec<&[T]> = self.rows.iter().map(Vec::as_slice).collect();
        registers.run_rows(variables, &rows, 1..1 + STEPS).unwrap();
        self.look(registers, variables, &mut seen);
        Some(seen)
    }

    fn look(&self, registers: &Registers<T>, variables: &Variables, seen: &mut Vec<u64>) {
        seen.extend((0..registers.n_fetches()).map(|k| registers.fetched(k).bits()));
        let all = (0..self.variables.len() as u32).filter_map(|id| variables.get(id));
        seen.extend(all.map(|value| value.as_slice::<T>()[0].bits()));
    }
}

const LOGIC: [Binary; 5] =
    [Binary::LogicalAnd, Binary::LogicalOr, Binary::LogicalXor, Binary::Equal, Binary::NotEqual];

/// Adds an operation on numbers or truth values that are there.
fn grow(
    dtype: DType,
    dice: &mut Dice,
    add: &mut impl FnMut(Op, &[Value]) -> Value,
    numbers: &mut Vec<Value>,
    truths: &mut Vec<Value>,
) {
    let (a, b) = (*dice.pick(numbers), *dice.pick(numbers));
    match dice.roll(if truths.is_empty() { 8 } else { 11 }) {
        0..3 => {
            let f = *dice.pick(Unary::ALL);
            match f {
                Unary::LogicalNot => {}
                f if f.is_predicate() => truths.push(add(Op::Unary { f }, &[a])),
                f => numbers.push(add(Op::Unary { f }, &[a])),
            }
        }
        3..8 => {
            let f = *dice.pick(Binary::ALL);
            match f {
                Binary::LogicalAnd | Binary::LogicalOr | Binary::LogicalXor => {}
                f if f.is_predicate() => truths.push(add(Op::Binary { f }, &[a, b])),
                f => numbers.push(add(Op::Binary { f }, &[a, b])),
            }
        }
        8 => numbers.push(add(Op::Select, &[*dice.pick(truths), a, b])),
        9 => {
            let (p, q) = (*dice.pick(truths), *dice.pick(truths));
            truths.push(match dice.roll(3) {
                0 => add(Op::Unary { f: Unary::LogicalNot }, &[p]),
                _ => add(Op::Binary { f: *dice.pick(&LOGIC) }, &[p, q]),
            });
        }
        _ => numbers.push(add(Op::Cast { to: dtype }, &[*dice.pick(truths)])),
    }
}

fn agree<T: Number>() {
    let graphs = std::env::var("FERRULE_TEST_GRAPHS").ok().and_then(|text| text.parse().ok());
    let mut compared = 0;
    for seed in 0..graphs.unwrap_or(GRAPHS) {
        let sample = Sample::<T>::new(seed);
        let Some(interpreted) = sample.outcome(false) else { continue };
        assert_eq!(Some(interpreted), sample.outcome(true), "graph {seed}");
        compared += 1;
    }
    assert!(compared * 10 > graphs.unwrap_or(GRAPHS) * 9, "only {compared} are of scalars");
}

#[test]
fn random_graphs_of_f32_give_the_same_bits_natively() {
    agree::<f32>();
}

#[test]
fn random_graphs_of_f64_give_the_same_bits_natively() {
    agree::<f64>();
}
