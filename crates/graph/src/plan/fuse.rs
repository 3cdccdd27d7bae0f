//! Which instructions run together, and in what order.
//!
//! Element-wise instructions of one shape and one depth make a unit: one loop over memory. The depth
//! of an instruction is one more than that of what it needs, but for element-wise instructions of its
//! own shape, so that a unit needs nothing that needs it.

use std::collections::HashMap;

use ferrule_tensor::array::Shape;

use super::program::{Id, Instruction, Kind, Program, Source};
use crate::op::Op;

/// The most instructions of a unit.
const GROUP_MAX: usize = 64;

/// Instructions that run as one.
#[derive(Debug)]
pub(crate) enum Unit {
    /// Element-wise ones, each after those that it needs.
    Group { shape: Shape, instructions: Vec<u32> },
    /// Any other.
    Kernel(u32),
    /// A convolution, and element-wise ones of what it makes, while that is in the caches.
    Finished { kernel: u32, shape: Shape, instructions: Vec<u32> },
}

impl Unit {
    /// All instructions, each after those that it needs.
    pub(crate) fn instructions(&self) -> impl Iterator<Item = u32> {
        let (kernel, others) = match self {
            Self::Group { instructions, .. } => (None, &instructions[..]),
            Self::Kernel(index) => (Some(*index), &[][..]),
            Self::Finished { kernel, instructions, .. } => (Some(*kernel), &instructions[..]),
        };
        kernel.into_iter().chain(others.iter().copied())
    }
}

/// The units of the instructions that are `needed`, each after those that it needs.
pub(crate) fn schedule(program: &Program, needed: &[bool]) -> Vec<Unit> {
    let mut depths = vec![0u32; program.instructions.len()];
    let mut groups: HashMap<(u32, Shape), Vec<u32>> = HashMap::new();
    let mut kernels: Vec<(u32, u32)> = Vec::new();
    let mut full = Full::default();
    for (index, instruction) in program.instructions.iter().enumerate() {
        if !needed[index] {
            continue;
        }
        let mut depth = least_depth(program, instruction, &depths);
        if let Some(shape) = group_shape(program, instruction) {
            depth = full.open_from(depth, shape);
            let group = groups.entry((depth, shape)).or_default();
            group.push(index as u32);
            if group.len() == GROUP_MAX {
                full.close(depth, shape);
            }
        } else {
            kernels.push((depth, index as u32));
        }
        depths[index] = depth;
    }
    let units = groups.into_iter().map(|((depth, shape), instructions)| {
        let first = instructions[0];
        (depth, first, Unit::Group { shape, instructions })
    });
    let mut units: Vec<(u32, u32, Unit)> = units.collect();
    units.extend(kernels.into_iter().map(|(depth, index)| (depth, index, Unit::Kernel(index))));
    units.sort_unstable_by_key(|&(depth, first, _)| (depth, first));
    finish(program, needed, units.into_iter().map(|(_, _, unit)| unit).collect())
}

/// Joins convolutions to the groups that alone read what they make.
fn finish(program: &Program, needed: &[bool], units: Vec<Unit>) -> Vec<Unit> {
    let is_convolution =
        |instruction: &Instruction| matches!(instruction.kind, Kind::Kernel(Op::Conv2d(_)));
    if !program.instructions.iter().any(is_convolution) {
        return units;
    }
    let readers = Readers::new(program, needed);
    let mut joined: Vec<u32> = Vec::new();
    let mut finished: Vec<Unit> = Vec::with_capacity(units.len());
    for unit in units {
        let Unit::Group { shape, instructions } = unit else {
            finished.push(unit);
            continue;
        };
        let made = instructions.iter().flat_map(|&at| &program.instructions[at as usize].inputs);
        let kernel = made.copied().find_map(|made| {
            let maker = program.maker(made).filter(|maker| is_convolution(maker))?;
            let datum = program.datum(made);
            let Source::Output { instruction } = datum.source else { return None };
            let alone = readers.are_within(made, &instructions)
                && datum.shape == shape
                && !is_read_in_another_shape(program, made, &instructions);
            // The convolution is written where a result of the group comes to lie.
            let room = instructions.iter().any(|&at| {
                let output = program.instructions[at as usize].outputs[0];
                program.datum(output).dtype == datum.dtype
                    && !readers.are_within(output, &instructions)
            });
            (alone && room && maker.outputs == [made]).then_some(instruction)
        });
        joined.extend(kernel);
        finished.push(match kernel {
            Some(kernel) => Unit::Finished { kernel, shape, instructions },
            None => Unit::Group { shape, instructions },
        });
    }
    finished.retain(|unit| !matches!(unit, Unit::Kernel(kernel) if joined.contains(kernel)));
    finished
}

/// Whether any of `instructions` reads what `made` is under another name, of another shape.
fn is_read_in_another_shape(program: &Program, made: Id, instructions: &[u32]) -> bool {
    let read = instructions.iter().flat_map(|&at| &program.instructions[at as usize].inputs);
    read.copied().any(|id| id != made && program.root(id) == program.root(made))
}

/// Which instructions read what, in whatever shape.
struct Readers<'p> {
    program: &'p Program,
    of: HashMap<Id, Vec<u32>>,
}

impl<'p> Readers<'p> {
    fn new(program: &'p Program, needed: &[bool]) -> Self {
        let mut of: HashMap<Id, Vec<u32>> = HashMap::new();
        for (index, instruction) in program.instructions.iter().enumerate() {
            for &input in instruction.inputs.iter().filter(|_| needed[index]) {
                of.entry(program.root(input)).or_default().push(index as u32);
            }
        }
        Self { program, of }
    }

    /// Whether these instructions alone read `id`, and a run does not give it back.
    fn are_within(&self, id: Id, instructions: &[u32]) -> bool {
        let Program { fetches, stores, .. } = self.program;
        let mut results = fetches.iter().chain(stores.iter().map(|(_, id)| id));
        let mut readers = self.of.get(&id).into_iter().flatten();
        readers.all(|reader| instructions.contains(reader))
            && !results.any(|&result| self.program.root(result) == id)
    }
}

/// Depths at which the group of a shape takes no more, each with one to look at next.
#[derive(Default)]
struct Full(HashMap<(u32, Shape), u32>);

impl Full {
    fn close(&mut self, depth: u32, shape: Shape) {
        self.0.insert((depth, shape), depth + 1);
    }

    /// The first depth from `depth` on that is open. Paths are shortened on the way, so that many
    /// full groups are not walked through for each instruction.
    fn open_from(&mut self, depth: u32, shape: Shape) -> u32 {
        let mut open = depth;
        while let Some(&next) = self.0.get(&(open, shape)) {
            open = next;
        }
        let mut at = depth;
        while let Some(next) = self.0.get_mut(&(at, shape)) {
            at = std::mem::replace(next, open);
        }
        open
    }
}

/// The shape of an element-wise instruction.
fn group_shape(program: &Program, instruction: &Instruction) -> Option<Shape> {
    matches!(instruction.kind, Kind::Elementwise(_))
        .then(|| program.datum(instruction.outputs[0]).shape)
}

fn least_depth(program: &Program, instruction: &Instruction, depths: &[u32]) -> u32 {
    let own = group_shape(program, instruction);
    let after = |&input: &Id| {
        let root = program.root(input);
        let Source::Output { instruction: maker } = program.datum(root).source else { return 0 };
        let maker_shape = group_shape(program, &program.instructions[maker as usize]);
        let joined = root == input && own.is_some() && maker_shape == own;
        depths[maker as usize] + u32::from(!joined)
    };
    instruction.inputs.iter().map(after).max().unwrap_or_default()
}
