//! Assembles classic BPF: instructions in order, jumps by label. Knows nothing of frames.
//!
//! Labels lead forward only, as the machine demands. A conditional jump reaches 255 instructions,
//! which is enough for a shorter program.

use libc::sock_filter;

const LD: u16 = 0x00;
const LDX: u16 = 0x01;
const ST: u16 = 0x02;
const STX: u16 = 0x03;
const ALU: u16 = 0x04;
const JMP: u16 = 0x05;
const RET: u16 = 0x06;
const MISC: u16 = 0x07;
const WORD: u16 = 0x00;
const HALF: u16 = 0x08;
const BYTE: u16 = 0x10;
const IMM: u16 = 0x00;
const ABS: u16 = 0x20;
const IND: u16 = 0x40;
const MEM: u16 = 0x60;
const LEN: u16 = 0x80;
const ADD: u16 = 0x00;
const SUB: u16 = 0x10;
const AND: u16 = 0x50;
const LSH: u16 = 0x60;
const JA: u16 = 0x00;
const JEQ: u16 = 0x10;
const JGE: u16 = 0x30;
const JSET: u16 = 0x40;
const BY_X: u16 = 0x08;
const TAX: u16 = 0x00;

/// `SKF_AD_OFF + SKF_AD_PKTTYPE` (linux/filter.h): where the kernel answers with the packet type.
pub(super) const PACKET_TYPE: u32 = 0xffff_f004;

/// A program that the kernel can run.
#[derive(Clone, Debug)]
pub struct Program {
    instructions: Vec<sock_filter>,
}

impl Program {
    /// The instructions, at most `BPF_MAXINSNS` (4,096).
    pub(crate) fn instructions(&self) -> &[sock_filter] {
        &self.instructions
    }

    /// A program that skips every frame.
    pub(crate) fn skip_all() -> Self {
        Self { instructions: vec![sock_filter { code: RET, jt: 0, jf: 0, k: 0 }] }
    }
}

/// A place in the program that jumps lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(usize);

/// An instruction whose jump is not resolved yet.
struct Pending {
    code: u16,
    k: u32,
    /// For a conditional jump: where to, and whether when the condition holds.
    target: Option<(Label, bool)>,
}

/// Collects instructions.
pub(super) struct Assembler {
    pending: Vec<Pending>,
    places: Vec<Option<usize>>,
}

impl Assembler {
    pub(super) const fn new() -> Self {
        Self { pending: Vec::new(), places: Vec::new() }
    }

    pub(super) fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() - 1)
    }

    /// The next instruction is where `label` leads.
    pub(super) fn place(&mut self, label: Label) {
        self.places[label.0] = Some(self.pending.len());
    }

    fn push(&mut self, code: u16, k: u32) {
        self.pending.push(Pending { code, k, target: None });
    }

    fn branch(&mut self, code: u16, k: u32, target: Label, when: bool) {
        self.pending.push(Pending { code: JMP | code, k, target: Some((target, when)) });
    }

    pub(super) fn load_byte(&mut self, offset: u32) {
        self.push(LD | BYTE | ABS, offset);
    }

    pub(super) fn load_half(&mut self, offset: u32) {
        self.push(LD | HALF | ABS, offset);
    }

    pub(super) fn load_word(&mut self, offset: u32) {
        self.push(LD | WORD | ABS, offset);
    }

    pub(super) fn load_byte_x(&mut self, offset: u32) {
        self.push(LD | BYTE | IND, offset);
    }

    pub(super) fn load_half_x(&mut self, offset: u32) {
        self.push(LD | HALF | IND, offset);
    }

    pub(super) fn load_word_x(&mut self, offset: u32) {
        self.push(LD | WORD | IND, offset);
    }

    /// `PACKET_HOST`, `PACKET_OUTGOING`...
    pub(super) fn load_packet_type(&mut self) {
        self.push(LD | BYTE | ABS, PACKET_TYPE);
    }

    pub(super) fn load_cell(&mut self, cell: u32) {
        self.push(LD | MEM, cell);
    }

    pub(super) fn load_x_cell(&mut self, cell: u32) {
        self.push(LDX | MEM, cell);
    }

    pub(super) fn store_a(&mut self, cell: u32) {
        self.push(ST, cell);
    }

    pub(super) fn store_x(&mut self, cell: u32) {
        self.push(STX, cell);
    }

    pub(super) fn set_x(&mut self, value: u32) {
        self.push(LDX | IMM, value);
    }

    pub(super) fn and(&mut self, mask: u32) {
        self.push(ALU | AND, mask);
    }

    pub(super) fn shift_left(&mut self, bits: u32) {
        self.push(ALU | LSH, bits);
    }

    /// X += A.
    pub(super) fn add_a_to_x(&mut self) {
        self.push(ALU | ADD | BY_X, 0);
        self.push(MISC | TAX, 0);
    }

    /// X += value; A is lost.
    pub(super) fn add_to_x(&mut self, value: u32) {
        self.push(LD | IMM, value);
        self.add_a_to_x();
    }

    pub(super) fn jump(&mut self, target: Label) {
        // JA has a long reach in k: `finish` recognises it by its code.
        self.branch(JA, 0, target, true);
    }

    pub(super) fn jump_if_equal(&mut self, value: u32, target: Label) {
        self.branch(JEQ, value, target, true);
    }

    pub(super) fn jump_unless_equal(&mut self, value: u32, target: Label) {
        self.branch(JEQ, value, target, false);
    }

    pub(super) fn jump_if_set(&mut self, bits: u32, target: Label) {
        self.branch(JSET, bits, target, true);
    }

    pub(super) fn jump_unless_set(&mut self, bits: u32, target: Label) {
        self.branch(JSET, bits, target, false);
    }

    /// Jumps if the frame has fewer than `length` bytes. A is lost.
    pub(super) fn unless_long_enough(&mut self, length: u32, target: Label) {
        self.push(LD | WORD | LEN, 0);
        self.branch(JGE, length, target, false);
    }

    /// Jumps if fewer than `needed` bytes of the frame lie at X and beyond. A is lost.
    pub(super) fn unless_left(&mut self, needed: u32, target: Label) {
        self.push(LD | WORD | LEN, 0);
        self.branch(JGE | BY_X, 0, target, false);
        self.push(ALU | SUB | BY_X, 0);
        self.branch(JGE, needed, target, false);
    }

    /// Ends the program: this many bytes of the frame are kept.
    pub(super) fn keep(&mut self, bytes: u32) {
        self.push(RET, bytes);
    }

    /// Resolves the jumps.
    ///
    /// # Panics
    /// If a label was never placed or a conditional jump reaches too far: a mistake in the
    /// compiler, which every test of it would show.
    pub(super) fn finish(self) -> Program {
        let instructions = self
            .pending
            .iter()
            .enumerate()
            .map(|(at, pending)| {
                let Some((label, when)) = pending.target else {
                    return sock_filter { code: pending.code, jt: 0, jf: 0, k: pending.k };
                };
                let place = self.places[label.0].expect("every label is placed by `compile`");
                let distance = place.checked_sub(at + 1).expect("labels lead forward");
                if pending.code == JMP | JA {
                    let k = u32::try_from(distance).expect("programs are short");
                    return sock_filter { code: pending.code, jt: 0, jf: 0, k };
                }
                let distance = u8::try_from(distance).expect("the program is under 255 long");
                let (jt, jf) = if when { (distance, 0) } else { (0, distance) };
                sock_filter { code: pending.code, jt, jf, k: pending.k }
            })
            .collect();
        Program { instructions }
    }
}
