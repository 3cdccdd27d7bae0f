//! Operands, and how a tile of them comes to lie together.

use super::job::{Slots, Target};
use crate::array::{RANK_MAX, Shape, View};

/// How many operands, the first, may be a single element rather than a tile of it.
const LONE_MAX: usize = u64::BITS as usize;

/// An operand of a running tape.
#[derive(Clone, Copy)]
pub(super) struct Source {
    start: *const u8,
    /// Bytes of an element.
    size: u32,
    /// The slot that its tiles are put into, where they do not lie together.
    slot: u32,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// All elements, in order.
    Whole,
    /// One element, for all places.
    One,
    /// One element, whose readers want no tile of it.
    Lone,
    /// All elements, which the tape overwrites before it has read them for the last time.
    Copied,
    /// An array that is repeated along some axes: which of the [`Spread`]s.
    Spread(u32),
}

/// The operands of a running tape.
#[derive(Default)]
pub(super) struct Sources {
    list: Vec<Source>,
    spreads: Vec<Spread>,
    n_slots: usize,
    /// Whether any lies in a target.
    in_targets: bool,
    /// A bit each: whether it is [`Kind::Lone`].
    lone: u64,
}

/// How the elements of a smaller array are spread over the shape: along groups of axes, the
/// innermost first, which either are repeated or not.
struct Spread {
    /// (size, elements between neighbours; 0 where repeated)
    groups: [(usize, usize); RANK_MAX],
    n_groups: usize,
}

impl Sources {
    /// Forgets all; slots are numbered from `first_slot` on.
    pub(super) fn restart(&mut self, first_slot: usize) {
        self.list.clear();
        self.spreads.clear();
        self.n_slots = first_slot;
        self.in_targets = false;
        self.lone = 0;
    }

    /// Adds `view`, broadcast to `shape`; `one_suffices` says that its readers take one element.
    ///
    /// # Panics
    /// Where it does not broadcast, or the buffer has fewer elements than its shape.
    #[inline]
    pub(super) fn push_view(
        &mut self,
        view: &View<'_>,
        shape: &Shape,
        n: usize,
        one_suffices: bool,
    ) {
        let size = view.dtype.size();
        let is_whole = std::ptr::eq(view.shape, shape) || view.shape[..] == shape[..];
        let (kind, own) = match is_whole {
            true => (Kind::Whole, n),
            false => self.broadcast(view, shape),
        };
        let is_lone = kind == Kind::One && one_suffices && self.list.len() < LONE_MAX;
        self.lone |= u64::from(is_lone) << (self.list.len() % LONE_MAX);
        let kind = if is_lone { Kind::Lone } else { kind };
        self.push(view.data.as_slice::<u8>(own * size).as_ptr(), size, kind);
    }

    /// How `view` is seen through `shape`, and how many elements it has.
    fn broadcast(&mut self, view: &View<'_>, shape: &Shape) -> (Kind, usize) {
        let own = view.shape;
        let n = own.elements();
        if n == 1 && own.len() <= shape.len() {
            return (Kind::One, n);
        }
        let broadcasts = own.broadcast(shape).is_some_and(|both| both == *shape);
        assert!(broadcasts, "an operand of shape {own} does not broadcast to {shape}");
        if n == shape.elements() {
            return (Kind::Whole, n);
        }
        self.spreads.push(Spread::new(own, shape));
        (Kind::Spread(self.spreads.len() as u32 - 1), n)
    }

    /// Adds what lies in `target`; `overwritten` says whether it is before it is read for the last
    /// time.
    pub(super) fn push_target(&mut self, target: &Target, overwritten: bool) {
        let kind = if overwritten { Kind::Copied } else { Kind::Whole };
        self.push(target.start, target.size, kind);
        self.in_targets = true;
    }

    fn push(&mut self, start: *const u8, size: usize, kind: Kind) {
        let slot = self.n_slots as u32;
        self.n_slots += usize::from(!matches!(kind, Kind::Whole | Kind::Lone));
        self.list.push(Source { start, size: size as u32, slot, kind });
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether operand `k` is a single element, not a tile of it.
    #[inline]
    pub(super) fn is_lone(&self, k: u16) -> bool {
        usize::from(k) < LONE_MAX && self.lone >> k & 1 != 0
    }

    /// Whether any lies in a target.
    pub(super) fn in_targets(&self) -> bool {
        self.in_targets
    }

    /// The number of slots, those before the operands' included.
    pub(super) fn n_slots(&self) -> usize {
        self.n_slots
    }

    /// Does once for all tiles what can be done so; a tile has `tile` elements.
    ///
    /// # Safety
    /// The operands lie where they were, and slots have room for a tile.
    pub(super) unsafe fn prepare(&self, slots: Slots, tile: usize) {
        for source in self.list.iter().filter(|source| source.kind == Kind::One) {
            // SAFETY: as the caller promises.
            unsafe { repeat(source.start, source.size, slots.at(source.slot as usize), tile) }
        }
    }

    /// Writes to `places` where the `n` elements from `first` on of each operand lie together: in
    /// the array, or in its slot.
    ///
    /// # Safety
    /// The operands lie where they were; slots have room for `n` elements and were prepared.
    #[inline]
    pub(super) unsafe fn locate(
        &self,
        first: usize,
        n: usize,
        slots: Slots,
        places: &mut [*mut u8],
    ) {
        for (place, source) in places.iter_mut().zip(&self.list) {
            let size = source.size as usize;
            *place = match source.kind {
                // SAFETY: `first` is at most the number of elements.
                Kind::Whole => unsafe { source.start.add(first * size).cast_mut() },
                Kind::Lone => source.start.cast_mut(),
                // SAFETY: as the caller promises.
                _ => unsafe { self.fetch(source, first, n, slots.at(source.slot as usize)) },
            };
        }
    }

    /// Where the `n` elements from `first` on lie together, be it in `to`.
    ///
    /// # Safety
    /// As [`Sources::locate`].
    unsafe fn fetch(&self, source: &Source, first: usize, n: usize, to: *mut u8) -> *mut u8 {
        let size = source.size as usize;
        // SAFETY: `first + n` is at most the number of elements.
        unsafe {
            match source.kind {
                Kind::Whole | Kind::Copied => {
                    let from = source.start.add(first * size);
                    std::ptr::copy_nonoverlapping(from, to, n * size);
                    to
                }
                Kind::One | Kind::Lone => to,
                Kind::Spread(k) => self.spreads[k as usize].tile(source, first, n, to),
            }
        }
    }
}

impl Spread {
    fn new(own: &Shape, shape: &Shape) -> Self {
        let strides = own.strides();
        let lead = shape.len() - own.len();
        let mut spread = Self { groups: [(1, 0); RANK_MAX], n_groups: 0 };
        for axis in (0..shape.len()).rev().filter(|&axis| shape[axis] != 1) {
            let is_repeated = axis < lead || own[axis - lead] == 1;
            let stride = if is_repeated { 0 } else { strides[axis - lead] };
            spread.push(shape[axis], stride);
        }
        spread
    }

    /// Adds an axis outside the others, to the last group where it goes on as that one did.
    fn push(&mut self, size: usize, stride: usize) {
        if let Some(last) = self.n_groups.checked_sub(1) {
            let (inner, step) = self.groups[last];
            if stride == inner * step {
                self.groups[last].0 = inner * size;
                return;
            }
        }
        self.groups[self.n_groups] = (size, stride);
        self.n_groups += 1;
    }

    /// # Safety
    /// As [`Sources::fetch`].
    unsafe fn tile(&self, source: &Source, first: usize, n: usize, to: *mut u8) -> *mut u8 {
        let size = source.size as usize;
        let (inner, step) = self.groups[0];
        let (offset, within) = self.place(first);
        // SAFETY: what is read lies within the array, as the groups say; `to` has room for `n`
        // elements and a line.
        unsafe {
            if step == 1 && within + n <= inner {
                return source.start.add(offset * size).cast_mut();
            }
            if step == 1 && self.n_groups == 2 {
                self.cycle(source, within, n, to);
                return to;
            }
            let mut filled = 0;
            let mut run = (inner - within).min(n);
            let mut offset = offset;
            while filled < n {
                let from = source.start.add(offset * size);
                if step == 1 {
                    std::ptr::copy_nonoverlapping(from, to.add(filled * size), run * size);
                } else {
                    repeat(from, source.size, to.add(filled * size), run);
                }
                filled += run;
                run = inner.min(n - filled);
                // Without a division where the next run is a neighbour.
                offset = match self.n_groups {
                    2 => offset + self.groups[1].1,
                    _ => self.place(first + filled).0,
                };
            }
        }
        to
    }

    /// Fills `to` with `n` elements of an array that is repeated as a whole, from its element
    /// `within` on.
    ///
    /// # Safety
    /// As [`Sources::fetch`].
    unsafe fn cycle(&self, source: &Source, within: usize, n: usize, to: *mut u8) {
        let size = source.size as usize;
        let period = self.groups[0].0;
        let head = (period - within).min(n);
        let round = period.min(n);
        // SAFETY: a round of the array is put together, then what is there is doubled.
        unsafe {
            let start = source.start.add(within * size);
            std::ptr::copy_nonoverlapping(start, to, head * size);
            std::ptr::copy_nonoverlapping(source.start, to.add(head * size), (round - head) * size);
            let mut filled = round;
            while filled < n {
                let more = filled.min(n - filled);
                std::ptr::copy_nonoverlapping(to, to.add(filled * size), more * size);
                filled += more;
            }
        }
    }

    /// The element that is spread to place `index`, and how far into its innermost group it is.
    fn place(&self, index: usize) -> (usize, usize) {
        let mut rest = index;
        let mut offset = 0;
        for &(size, stride) in &self.groups[..self.n_groups] {
            offset += rest % size * stride;
            rest /= size;
        }
        (offset, index % self.groups[0].0)
    }
}

/// Writes the element at `from` `n` times, by whole vectors: less than a line is written beyond.
///
/// # Safety
/// An element of `size` bytes is there, aligned, and `to` has room for `n` and a line.
unsafe fn repeat(from: *const u8, size: u32, to: *mut u8, n: usize) {
    // SAFETY: as the caller promises.
    unsafe {
        match size {
            1 => repeat_by::<u8, 64>(*from, to, n),
            4 => repeat_by::<u32, 16>(*from.cast(), to.cast(), n),
            _ => repeat_by::<u64, 8>(*from.cast(), to.cast(), n),
        }
    }
}

/// # Safety
/// As [`repeat`]; `LANES` elements are a line.
unsafe fn repeat_by<T: Copy, const LANES: usize>(value: T, to: *mut T, n: usize) {
    for at in (0..n).step_by(LANES) {
        // SAFETY: as the caller promises.
        unsafe { to.add(at).cast::<[T; LANES]>().write_unaligned([value; LANES]) };
    }
}
