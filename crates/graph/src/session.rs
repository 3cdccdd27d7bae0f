//! Values of variables, and the plans that were made so far.

use std::sync::Arc;
use std::time::Instant;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer, Shape};
use ferrule_tensor::ops::OpError;

use crate::error::{Fault, GraphError};
use crate::graph::{Graph, Value};
use crate::op::Op;
use crate::plan::{
    Ask, Observer, Plan, Profile, Registers, Request, Scalar, ScalarPlan, Signature, Stopwatch,
    TIME_BETWEEN_STOPS, Variables, needed_nodes,
};

/// The most plans that are kept; the one that was not used for longest goes.
const PLANS_MAX: usize = 64;

/// Steps of a loop on scalars between two looks at the clock.
const STEPS_BETWEEN_LOOKS: usize = 4096;

/// Runs requests on a graph that may grow meanwhile, and holds its variables.
#[derive(Debug, Default)]
pub struct Session {
    /// The values of variables.
    pub variables: Variables,
    /// The latest used last.
    plans: Vec<Kept>,
    /// Runs so far.
    draws: u64,
    /// Plans made so far, which number them.
    made: u64,
}

#[derive(Debug)]
struct Kept {
    number: u64,
    request: Request,
    signature: Vec<(DType, Shape)>,
    plan: Plan,
    /// Whether it may run beside others, and is long enough to.
    is_lendable: bool,
}

/// Plans of fewer multiply-adds run where the session is, as it is not kept from others for long.
const LENT_COST_MIN: u64 = 1 << 16;

/// A plan that changes no variable, to be run without its session on the values that variables had.
#[derive(Debug)]
pub struct Lent {
    kept: Kept,
    variables: Variables,
    draw: u64,
}

impl Lent {
    /// Runs the plan on what it was lent for.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub fn run(&mut self, feeds: &[Array]) -> Result<Vec<Array>, GraphError> {
        self.kept.plan.run(&mut self.variables, feeds, self.draw)
    }
}

impl Session {
    /// A session without values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs what is asked for; `feeds` are the arrays of `request.feeds`.
    ///
    /// # Errors
    /// [`GraphError`] where what is fed does not fit, a variable has no value, or a kernel refuses an
    /// element; then no variable has changed.
    pub fn run(
        &mut self,
        graph: &Graph,
        request: &Request,
        feeds: &[Array],
    ) -> Result<Vec<Array>, GraphError> {
        self.run_observed(graph, request, feeds, &mut ())
    }

    /// Runs what is asked for once and then `calls` times, which are timed part by part. What the runs
    /// change is put back. `stop` is asked now and then.
    ///
    /// # Errors
    /// As [`run`](Self::run); [`OpError::Cancelled`] where `stop` says so.
    pub fn profile(
        &mut self,
        graph: &Graph,
        request: &Request,
        feeds: &[Array],
        calls: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<Profile, GraphError> {
        let before = (self.variables.clone(), self.draws);
        let made = self.timed(graph, request, feeds, calls, stop);
        (self.variables, self.draws) = before;
        made
    }

    fn timed(
        &mut self,
        graph: &Graph,
        request: &Request,
        feeds: &[Array],
        calls: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<Profile, GraphError> {
        self.run(graph, request, feeds)?;
        let (mut clock, mut watch) = (Clock::new(stop), Stopwatch::new());
        for _ in 0..calls {
            clock.look()?;
            let start = Instant::now();
            self.run_observed(graph, request, feeds, &mut watch)?;
            watch.profile.total += start.elapsed();
        }
        Ok(Profile { calls, ..watch.profile })
    }

    fn run_observed(
        &mut self,
        graph: &Graph,
        request: &Request,
        feeds: &[Array],
        observer: &mut impl Observer,
    ) -> Result<Vec<Array>, GraphError> {
        if let Some(custom) = self.prepare(graph, request, feeds)? {
            return self.run_in_stages(graph, request, feeds, custom, observer);
        }
        self.draws += 1;
        let kept = self.plans.last_mut().expect("a plan was just found or added");
        observer.begin(kept.number, &kept.plan);
        kept.plan.run_observed(&mut self.variables, feeds, self.draws, observer)
    }

    /// The plan for what is asked, to run it while the session does something else; `None` where it is
    /// to be run here: because it changes variables, is short or calls the user's code.
    ///
    /// # Errors
    /// As [`run`](Self::run), as far as planning goes.
    pub fn lend(
        &mut self,
        graph: &Graph,
        request: &Request,
        feeds: &[Array],
    ) -> Result<Option<Lent>, GraphError> {
        if self.prepare(graph, request, feeds)?.is_some() {
            return Ok(None);
        }
        let Some(kept) = self.plans.pop_if(|kept| kept.is_lendable) else { return Ok(None) };
        self.draws += 1;
        Ok(Some(Lent { kept, variables: self.variables.clone(), draw: self.draws }))
    }

    /// Keeps a plan that was lent for the next run.
    pub fn take_back(&mut self, lent: Lent) {
        self.keep(lent.kept);
    }

    /// Makes the plan for what is asked the latest used; returns the first of the user's operations
    /// instead where there is one.
    fn prepare(
        &mut self,
        graph: &Graph,
        request: &Request,
        feeds: &[Array],
    ) -> Result<Option<u32>, GraphError> {
        let signature: Vec<(DType, Shape)> =
            feeds.iter().map(|feed| (feed.dtype(), *feed.shape())).collect();
        let Ask { fetches, targets, feeds: fed } = request.into();
        if self.find(Ask { fetches, targets, feeds: fed }, &signature) {
            return Ok(None);
        }
        check_feeds(graph, request, feeds)?;
        if let Some(custom) = first_custom(graph, request)? {
            return Ok(Some(custom));
        }
        let plan = Plan::new(graph, request, &signature)?;
        self.made += 1;
        let is_lendable =
            plan.changes_nothing() && !plan.is_scalar() && plan.cost() >= LENT_COST_MIN;
        let (number, request) = (self.made, request.clone());
        self.keep(Kept { number, request, signature, plan, is_lendable });
        Ok(None)
    }

    fn keep(&mut self, kept: Kept) {
        if self.plans.len() >= PLANS_MAX {
            self.plans.remove(0);
        }
        self.plans.push(kept);
    }

    /// Whether there is a plan for what is asked, which now is the latest used.
    fn find(&mut self, ask: Ask, signature: &Signature) -> bool {
        self.find_where(ask, |kept| kept.signature == signature)
    }

    /// The plan of scalars alone for what is asked, where there is one, and the variables.
    pub fn find_scalars(&mut self, ask: Ask) -> Option<(&mut ScalarPlan, &mut Variables)> {
        if self.find_where(ask, |kept| kept.plan.is_scalar()) { self.scalars() } else { None }
    }

    fn find_where(&mut self, ask: Ask, fits: impl Fn(&Kept) -> bool) -> bool {
        let is_asked = |kept: &Kept| {
            let Request { fetches, targets, feeds } = &kept.request;
            ask.fetches == fetches && ask.targets == targets && ask.feeds == feeds && fits(kept)
        };
        let Some(found) = self.plans.iter().rposition(is_asked) else { return false };
        if found + 1 != self.plans.len() {
            self.plans[found..].rotate_left(1);
        }
        true
    }

    /// The number of the plan that was used last.
    pub fn latest(&self) -> Option<u64> {
        self.plans.last().map(|kept| kept.number)
    }

    /// The plan of this number, where it is kept and of scalars alone, and the variables.
    pub fn scalars_of(&mut self, number: u64) -> Option<(&mut ScalarPlan, &mut Variables)> {
        let kept = self.plans.iter_mut().rev().find(|kept| kept.number == number)?;
        Some((kept.plan.scalars()?, &mut self.variables))
    }

    /// The plan that was found last, where it is of scalars alone, and the variables.
    fn scalars(&mut self) -> Option<(&mut ScalarPlan, &mut Variables)> {
        let plan = self.plans.last_mut()?.plan.scalars()?;
        Some((plan, &mut self.variables))
    }

    /// Runs what is asked for `steps` times: each time with the next row of each of `feeds`, from the
    /// first on again after the last. `stop` is asked now and then. Gives what the last step fetched.
    ///
    /// # Errors
    /// As [`run`](Self::run); [`OpError::Cancelled`] where `stop` says so, with the steps so far done.
    pub fn run_many(
        &mut self,
        graph: &Graph,
        request: &Request,
        feeds: &[Array],
        steps: usize,
        stop: &dyn Fn() -> bool,
    ) -> Result<Vec<Array>, GraphError> {
        let rows = |index: usize| -> Vec<Array> {
            feeds.iter().map(|feed| row(feed, index % feed.shape()[0])).collect()
        };
        if steps == 0 {
            return Ok(Vec::new());
        }
        let mut last = self.run(graph, request, &rows(0))?;
        let Some((plan, variables)) = self.scalars() else {
            let mut clock = Clock::new(stop);
            for step in 1..steps {
                clock.look()?;
                last = self.run(graph, request, &rows(step))?;
            }
            return Ok(last);
        };
        match plan {
            ScalarPlan::Single(registers) => {
                loop_over::<f32>(registers, variables, feeds, steps, stop)
            }
            ScalarPlan::Double(registers) => {
                loop_over::<f64>(registers, variables, feeds, steps, stop)
            }
        }
    }

    /// Runs a user's operation, whose shapes are known only then, and the rest with what it gave.
    fn run_in_stages(
        &mut self,
        graph: &Graph,
        request: &Request,
        feeds: &[Array],
        custom: u32,
        observer: &mut impl Observer,
    ) -> Result<Vec<Array>, GraphError> {
        let node = &graph.nodes()[custom as usize];
        let Op::Custom { id, outputs } = &node.op else {
            return Err(Fault::NoSuchValue { node: custom, output: 0 }.into());
        };
        let before = Request {
            fetches: node.inputs.to_vec(),
            targets: node.control.to_vec(),
            feeds: request.feeds.clone(),
        };
        let inputs = self.run_observed(graph, &before, feeds, observer)?;
        let operation = graph.custom(*id).ok_or(Fault::NoSuchValue { node: custom, output: 0 })?;
        let failed = |message: String| GraphError::from(Fault::Custom { message }).at(custom);
        let given = observer.custom(graph, custom, || operation.run(&inputs)).map_err(failed)?;
        if given.len() != outputs.len() {
            let message =
                format!("the operation gave {} values; it says {}", given.len(), outputs.len());
            return Err(failed(message));
        }
        let mut after = request.clone();
        let mut arrays = feeds.to_vec();
        for (output, array) in (0..).zip(given) {
            after.feeds.push(Value { node: custom, output });
            arrays.push(array);
        }
        self.run_observed(graph, &after, &arrays, observer)
    }
}

/// The other steps of a loop on scalars.
fn loop_over<T: Scalar>(
    registers: &mut Registers<T>,
    variables: &mut Variables,
    feeds: &[Array],
    steps: usize,
    stop: &dyn Fn() -> bool,
) -> Result<Vec<Array>, GraphError> {
    let rows: Vec<&[T]> = feeds.iter().map(|feed| feed.as_slice()).collect();
    let mut clock = Clock::new(stop);
    for start in (1..steps).step_by(STEPS_BETWEEN_LOOKS) {
        registers.run_rows(variables, &rows, start..steps.min(start + STEPS_BETWEEN_LOOKS))?;
        clock.look()?;
    }
    let fetched =
        (0..registers.n_fetches()).map(|index| Array::scalar(T::DTYPE, registers.fetched(index)));
    Ok(fetched.collect())
}

/// Asks now and then whether to stop: as asking may mean to wait for others, not at every look.
struct Clock<'a> {
    stop: &'a dyn Fn() -> bool,
    asked: Instant,
}

impl<'a> Clock<'a> {
    fn new(stop: &'a dyn Fn() -> bool) -> Self {
        Self { stop, asked: Instant::now() }
    }

    fn look(&mut self) -> Result<(), OpError> {
        if self.asked.elapsed() < TIME_BETWEEN_STOPS {
            return Ok(());
        }
        self.asked = Instant::now();
        if (self.stop)() { Err(OpError::Cancelled) } else { Ok(()) }
    }
}

/// A row of an array.
fn row(array: &Array, index: usize) -> Array {
    let shape = Shape::new(&array.shape()[1..]).expect("a row has fewer dimensions than its array");
    let bytes = shape.elements() * array.dtype().size();
    let mut buffer = Buffer::uncleared(bytes);
    buffer.as_mut_slice::<u8>(bytes).copy_from_slice(&array.as_bytes()[index * bytes..][..bytes]);
    Array::from_buffer(array.dtype(), shape, Arc::new(buffer))
}

/// The first of the user's operations that a request needs.
fn first_custom(graph: &Graph, request: &Request) -> Result<Option<u32>, GraphError> {
    let is_custom = |&number: &u32| {
        matches!(graph.nodes()[number as usize].op, Op::Custom { .. })
            && !request.feeds.contains(&Value::of(number))
    };
    Ok(needed_nodes(graph, request)?.into_iter().find(is_custom))
}

fn check_feeds(graph: &Graph, request: &Request, feeds: &[Array]) -> Result<(), GraphError> {
    for (&value, array) in request.feeds.iter().zip(feeds) {
        let wanted = graph.type_of(value)?;
        let (expected, found) = (wanted.dtype, array.dtype());
        if expected != found {
            return Err(GraphError::from(Fault::FedDtype { expected, found }).at(value.node));
        }
        if !wanted.dims.admits(array.shape()) {
            let expected = wanted.dims.describe();
            let found = array.shape().to_string();
            return Err(GraphError::from(Fault::FedShape { expected, found }).at(value.node));
        }
    }
    Ok(())
}
