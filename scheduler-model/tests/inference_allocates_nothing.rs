//! A decision of the learned policy allocates nothing, once its scratch has seen the largest window.

use std::{
    alloc::{GlobalAlloc, Layout as Block, System},
    cell::Cell,
};

use drover_model::inference::{Architecture, Form, Layout, Network, Scratch, Weights, Window};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe by nature")]
// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, block: Block) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(block) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, block: Block) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(pointer, block) }
    }
}

#[test]
fn decisions_allocate_nothing() {
    let architecture = Architecture {
        form: Form::Pooled {
            embedding: 32,
            context: 32,
            scoring: 32,
        },
        value: Some(32),
    };
    let layout = Layout::new(["wait", "log_area", "rank/saf"], ["load"]).unwrap();
    let weights = Weights::zero("zero", architecture, layout).unwrap();
    let network = Network::new(&weights);
    let mut scratch = Scratch::default();
    let candidates = [1.0; 128 * 3];
    let eligible = [true; 128];
    let mut scores = [0.0; 128];
    let mut decide = |count: usize| {
        let window = Window {
            candidates: &candidates[..count * 3],
            globals: &[0.5],
            eligible: &eligible[..count],
        };
        network.evaluate(&window, &mut scratch, &mut scores[..count]);
    };
    let before = ALLOCATIONS.get();
    decide(128);
    let after_first = ALLOCATIONS.get();
    assert!(after_first > before, "the counter does not count");
    for count in [128, 1, 77, 0, 128] {
        decide(count);
    }
    assert_eq!(ALLOCATIONS.get(), after_first);
}
