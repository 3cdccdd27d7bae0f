//! The memory of a program: which buffer each array lies in, and when it is free again.

use std::collections::{BTreeMap, HashMap};

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer, Shape};
use ferrule_tensor::ops::Binary;
use ferrule_tensor::ops::tape::{Inst, Program as Compiled, Tape};

use super::fuse::{Unit, schedule};
use super::in_place::{Descent, Update};
use super::lower::lower;
use super::nested::Nested;
use super::program::{Function, Id, Instruction, Kind, Program, Source};
use super::scalar::ScalarPlan;
use super::{Request, Signature};
use crate::error::GraphError;
use crate::graph::Graph;
use crate::infer::layout::number;
use crate::op::Op;
use crate::types::is_float;

/// A request on arrays of given shapes, ready to run again and again.
#[derive(Debug)]
pub struct Plan {
    pub(crate) feeds: Vec<(DType, Shape)>,
    pub(crate) constants: Vec<Array>,
    /// Memory for what is computed, kept between runs.
    pub(crate) slots: Vec<Buffer>,
    /// Bytes of each.
    pub(crate) sizes: Vec<usize>,
    pub(crate) steps: Vec<Step>,
    pub(crate) fetches: Vec<Operand>,
    /// What variables hold after the run.
    pub(crate) stores: Vec<(u32, Operand)>,
    /// The variables that are read, as the graph says they are.
    pub(crate) variables: Vec<(u32, DType, Shape)>,
    pub(crate) scalar: Option<ScalarPlan>,
}

/// Where an array lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Slot(u32),
    Constant(u32),
    Feed(u32),
    Variable(u32),
}

/// An array that a step reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operand {
    pub(crate) place: Place,
    pub(crate) dtype: DType,
    pub(crate) shape: Shape,
}

/// One pass over memory.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) work: Work,
    pub(crate) inputs: Vec<Operand>,
    /// The slots that it writes, and what they then hold.
    pub(crate) outputs: Vec<(u32, DType, Shape)>,
    /// The node that it comes from, or one of them.
    pub(crate) node: u32,
    /// The variables that it may write over.
    pub(crate) updates: Vec<Update>,
    pub(crate) descent: Option<Descent>,
}

/// Element-wise functions in one pass, each output of `shape`.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) tape: Tape,
    /// The tape, ready to run.
    pub(crate) compiled: Compiled,
    pub(crate) shape: Shape,
    /// The nodes that it comes from.
    pub(crate) nodes: Vec<u32>,
}

/// A kernel, and a group over what it makes, which is the group's first input.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) op: Op,
    /// Inputs of the kernel; those of the group come after.
    pub(crate) n_inputs: usize,
    pub(crate) group: Group,
    /// The output in whose memory the kernel writes.
    pub(crate) into: usize,
    /// The group, where it is what the kernel does by itself.
    pub(crate) bias: Option<Bias>,
}

/// A bias that is added, and whether what is less than 0 then becomes 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bias {
    /// Which input of the step.
    pub(crate) input: usize,
    pub(crate) rectifies: bool,
}

#[derive(Debug)]
pub(crate) enum Work {
    Group(Box<Group>),
    Kernel(Op),
    Finished(Box<Finished>),
    Nested(Box<Nested>),
}

impl Plan {
    /// Plans `request` on `graph` for what is fed, which has `signature`.
    ///
    /// # Errors
    /// [`GraphError`] where shapes do not fit, a placeholder is not fed, or a value that must be known
    /// before a run is not.
    pub fn new(
        graph: &Graph,
        request: &Request,
        signature: &Signature,
    ) -> Result<Self, GraphError> {
        let mut program = lower(graph, request, signature)?;
        let mut nested: Vec<Option<Nested>> = program.nested.drain(..).map(Some).collect();
        let needed = program.needed();
        let units = schedule(&program, &needed);
        let mut layout = Layout::new(&program, &units);
        let steps = units
            .iter()
            .enumerate()
            .map(|(time, unit)| layout.step(time, unit, &mut nested))
            .collect();
        let fetches = program.fetches.iter().map(|&id| layout.operand(id)).collect();
        let stores =
            program.stores.iter().map(|&(id, datum)| (id, layout.operand(datum))).collect();
        let mut plan = Self {
            feeds: signature.to_vec(),
            variables: layout.variables(),
            constants: layout.constants,
            slots: layout.sizes.iter().map(|_| Buffer::default()).collect(),
            sizes: layout.sizes,
            steps,
            fetches,
            stores,
            scalar: None,
        };
        plan.find_updates();
        plan.scalar = ScalarPlan::new(&plan);
        Ok(plan)
    }
}

impl Plan {
    /// Whether a run leaves variables as they are.
    pub(crate) fn changes_nothing(&self) -> bool {
        self.stores.is_empty()
    }

    /// Whether the plan is of scalars alone.
    pub fn is_scalar(&self) -> bool {
        self.scalar.is_some()
    }

    /// The scalar form, where the plan has one.
    pub fn scalars(&mut self) -> Option<&mut ScalarPlan> {
        self.scalar.as_mut()
    }
}

struct Layout<'p> {
    program: &'p Program,
    places: HashMap<Id, Place>,
    constants: Vec<Array>,
    sizes: Vec<usize>,
    /// The last unit that reads an array; `usize::MAX` for what outlives the run.
    last_use: HashMap<Id, usize>,
    /// Slots that are free, by size.
    free: BTreeMap<usize, Vec<u32>>,
    /// Slots that are free after a unit.
    ending: HashMap<usize, Vec<u32>>,
}

impl<'p> Layout<'p> {
    fn new(program: &'p Program, units: &[Unit]) -> Self {
        let mut last_use = HashMap::new();
        for (time, unit) in units.iter().enumerate() {
            for instruction in members(program, unit) {
                for &input in &instruction.inputs {
                    last_use.insert(program.root(input), time);
                }
            }
        }
        for &id in program.fetches.iter().chain(program.stores.iter().map(|(_, id)| id)) {
            last_use.insert(program.root(id), usize::MAX);
        }
        Self {
            program,
            places: HashMap::new(),
            constants: Vec::new(),
            sizes: Vec::new(),
            last_use,
            free: BTreeMap::new(),
            ending: HashMap::new(),
        }
    }

    fn variables(&self) -> Vec<(u32, DType, Shape)> {
        let read = self.places.iter().filter_map(|(&id, place)| match place {
            Place::Variable(variable) => {
                let datum = self.program.datum(id);
                Some((*variable, datum.dtype, datum.shape))
            }
            _ => None,
        });
        let mut read: Vec<_> = read.collect();
        read.sort_unstable_by_key(|one| one.0);
        read
    }

    fn operand(&mut self, id: Id) -> Operand {
        let root = self.program.root(id);
        let datum = self.program.datum(root);
        let place = match &datum.source {
            Source::Known(array) => *self.places.entry(root).or_insert_with(|| {
                self.constants.push(array.clone());
                Place::Constant(self.constants.len() as u32 - 1)
            }),
            Source::Feed(index) => Place::Feed(*index),
            Source::Variable(variable) => {
                *self.places.entry(root).or_insert(Place::Variable(*variable))
            }
            _ => self.places[&root],
        };
        let datum = self.program.datum(id);
        Operand { place, dtype: datum.dtype, shape: datum.shape }
    }

    fn step(&mut self, time: usize, unit: &Unit, nested: &mut [Option<Nested>]) -> Step {
        let step = match unit {
            Unit::Group { shape, instructions } => {
                let (group, inputs, outputs) = self.tape(time, *shape, instructions, None);
                let node = group.nodes[0];
                let work = Work::Group(Box::new(group));
                Step { work, inputs, outputs, node, updates: Vec::new(), descent: None }
            }
            Unit::Kernel(index) => self.kernel(time, *index, nested),
            Unit::Finished { kernel, shape, instructions } => {
                self.finished(time, *kernel, *shape, instructions)
            }
        };
        for slot in self.ending.remove(&time).unwrap_or_default() {
            self.free.entry(self.sizes[slot as usize]).or_default().push(slot);
        }
        step
    }

    fn kernel(&mut self, time: usize, index: u32, nested: &mut [Option<Nested>]) -> Step {
        let instruction = &self.program.instructions[index as usize];
        let inputs = instruction.inputs.iter().map(|&id| self.operand(id)).collect();
        let outputs = instruction.outputs.iter().map(|&id| self.output(time, id)).collect();
        let work = match &instruction.kind {
            Kind::Kernel(op) => Work::Kernel(op.clone()),
            Kind::Nested(number) => {
                let nested = nested[*number as usize].take();
                Work::Nested(Box::new(nested.expect("a branch or loop runs once")))
            }
            Kind::Elementwise(_) => unreachable!("element-wise instructions are grouped"),
        };
        Step { work, inputs, outputs, node: instruction.node, updates: Vec::new(), descent: None }
    }

    fn finished(&mut self, time: usize, kernel: u32, shape: Shape, instructions: &[u32]) -> Step {
        let kernel = &self.program.instructions[kernel as usize];
        let Kind::Kernel(op) = &kernel.kind else { unreachable!("kernels are finished") };
        let made = kernel.outputs[0];
        let mut inputs: Vec<Operand> = kernel.inputs.iter().map(|&id| self.operand(id)).collect();
        let n_inputs = inputs.len();
        let (mut group, others, outputs) = self.tape(time, shape, instructions, Some(made));
        let bias = self.bias(&group, &others, outputs.len());
        let bias = bias.map(|bias| Bias { input: n_inputs + bias.input, ..bias });
        inputs.extend(others);
        group.nodes.insert(0, kernel.node);
        let dtype = self.program.datum(made).dtype;
        let into = outputs.iter().position(|output| output.1 == dtype);
        let into = into.expect("a result of the dtype that is made");
        let work =
            Work::Finished(Box::new(Finished { op: op.clone(), n_inputs, group, into, bias }));
        Step { work, inputs, outputs, node: kernel.node, updates: Vec::new(), descent: None }
    }

    /// What a group does to its first input, where that is to add a bias and to rectify the sum; `others` are
    /// the inputs from the second on.
    fn bias(&self, group: &Group, others: &[Operand], n_outputs: usize) -> Option<Bias> {
        let other = |register: u16| others.get(usize::from(register).checked_sub(1)?);
        let (first, rest) = group.tape.insts.split_first()?;
        let Inst::Binary { f: Binary::Add, left, right, to, dtype } = *first else { return None };
        let register = if left == 0 { right } else { left };
        let channels = *group.shape.last()?;
        let bias = other(register)?;
        let is_bias = bias.shape.last() == Some(&channels) && bias.shape.elements() == channels;
        let is_zero = |register: u16| {
            let Place::Constant(index) = other(register)?.place else { return None };
            let array = &self.constants[index as usize];
            (array.elements() == 1 && number(array).to_bits() == 0).then_some(())
        };
        let rectifies = match *rest {
            [] => false,
            [Inst::Binary { f: Binary::Maximum, left, right, .. }] if right == to => {
                is_zero(left)?;
                true
            }
            _ => return None,
        };
        let fits = is_bias && left.min(right) == 0 && n_outputs == 1 && is_float(dtype);
        fits.then_some(Bias { input: usize::from(register) - 1, rectifies })
    }

    /// A slot for a new array.
    fn output(&mut self, time: usize, id: Id) -> (u32, DType, Shape) {
        let datum = self.program.datum(id);
        let (dtype, shape) = (datum.dtype, datum.shape);
        let bytes = dtype.size() * shape.elements();
        let last = self.last_use.get(&id).copied().unwrap_or(time);
        // What is handed out, or swapped with a variable's memory, has memory of its own size.
        let reused = if last == usize::MAX { None } else { self.smallest_free(bytes) };
        let slot = reused.unwrap_or_else(|| {
            self.sizes.push(bytes);
            self.sizes.len() as u32 - 1
        });
        self.places.insert(id, Place::Slot(slot));
        if last != usize::MAX {
            self.ending.entry(last).or_default().push(slot);
        }
        (slot, dtype, shape)
    }

    /// The smallest free slot of at least so many bytes.
    fn smallest_free(&mut self, bytes: usize) -> Option<u32> {
        let (&size, slots) = self.free.range_mut(bytes..).next()?;
        let slot = slots.pop();
        if slots.is_empty() {
            self.free.remove(&size);
        }
        slot
    }

    /// A group, what it reads and what it gives. `first` is its first input, where that lies nowhere.
    fn tape(
        &mut self,
        time: usize,
        shape: Shape,
        instructions: &[u32],
        first: Option<Id>,
    ) -> (Group, Vec<Operand>, Vec<(u32, DType, Shape)>) {
        let members: Vec<&Instruction> =
            instructions.iter().map(|&index| &self.program.instructions[index as usize]).collect();
        let made: Vec<Id> = members.iter().map(|member| member.outputs[0]).collect();
        let mut registers: HashMap<Id, u16> = first.iter().map(|&first| (first, 0)).collect();
        let mut dtypes: Vec<DType> =
            first.iter().map(|&first| self.program.datum(first).dtype).collect();
        let mut inputs: Vec<Operand> = Vec::new();
        for &input in members.iter().flat_map(|member| &member.inputs) {
            if !made.contains(&input) && !registers.contains_key(&input) {
                registers.insert(input, dtypes.len() as u16);
                let operand = self.operand(input);
                dtypes.push(operand.dtype);
                inputs.push(operand);
            }
        }
        let mut next = dtypes.len() as u16;
        let mut insts = Vec::new();
        for member in &members {
            let inst = inst(self.program, member, &registers, next);
            // A broadcast is its input: operands repeat by themselves.
            let register = inst.as_ref().map_or_else(|| registers[&member.inputs[0]], |_| next);
            registers.insert(member.outputs[0], register);
            next += u16::from(inst.is_some());
            insts.extend(inst);
        }
        let kept = made.iter().filter(|id| self.outlives(**id, time, &members)).copied();
        let kept: Vec<Id> = kept.collect();
        let outputs = kept.iter().map(|&id| self.output(time, id)).collect();
        let tape = Tape {
            inputs: dtypes,
            insts,
            outputs: kept.iter().map(|id| (registers[id], self.program.datum(*id).dtype)).collect(),
            registers: next,
        };
        let compiled = Compiled::new(&tape);
        let nodes = members.iter().map(|member| member.node).collect();
        (Group { tape, compiled, shape, nodes }, inputs, outputs)
    }

    /// Whether an array is read after the unit that makes it, or in it in another shape.
    fn outlives(&self, id: Id, time: usize, members: &[&Instruction]) -> bool {
        let reshaped = |&input: &Id| input != id && self.program.root(input) == id;
        self.last_use.get(&id).is_some_and(|&last| last > time)
            || members.iter().flat_map(|member| &member.inputs).any(reshaped)
    }
}

fn members<'p>(program: &'p Program, unit: &Unit) -> Vec<&'p Instruction> {
    unit.instructions().map(|index| &program.instructions[index as usize]).collect()
}

/// The instruction of a tape; `None` for one that only repeats.
fn inst(
    program: &Program,
    instruction: &Instruction,
    registers: &HashMap<Id, u16>,
    to: u16,
) -> Option<Inst> {
    let Kind::Elementwise(function) = instruction.kind else { return None };
    let from = |index: usize| registers[&instruction.inputs[index]];
    let dtype = |index: usize| program.datum(instruction.inputs[index]).dtype;
    Some(match function {
        Function::Unary(f) => Inst::Unary { f, dtype: dtype(0), from: from(0), to },
        Function::Binary(f) => {
            Inst::Binary { f, dtype: dtype(0), left: from(0), right: from(1), to }
        }
        Function::Select => {
            Inst::Select { dtype: dtype(1), cond: from(0), yes: from(1), no: from(2), to }
        }
        Function::Cast(to_dtype) => {
            Inst::Cast { from_dtype: dtype(0), to_dtype, from: from(0), to }
        }
        Function::Broadcast => return None,
    })
}
