use drover_model::{AttemptKey, JobId};
use drover_proto::v1::LogStream::{Stderr, Stdout};
use tokio::time::Instant;

use super::{ATTEMPT_BYTES, Buffers, CHUNK_BYTES, FIRST_DELAY, STEADY_DELAY, TOTAL_BYTES};

fn key(task: u32) -> AttemptKey {
    AttemptKey {
        job: JobId::from_u128(1),
        task,
        attempt: 1,
    }
}

#[test]
fn output_is_due_soon_then_steadily() {
    let (mut buffers, now) = (Buffers::default(), Instant::now());
    assert!(buffers.append(key(1), Stdout, b"a", now));
    assert!(!buffers.append(key(1), Stdout, b"b", now), "due already");
    assert_eq!(buffers.next_due(), Some(now + FIRST_DELAY));
    assert_eq!(buffers.pop(now), None);
    let due = buffers.pop(now + FIRST_DELAY).expect("due");
    assert_eq!((due.piece.data.as_slice(), due.end), (&b"ab"[..], false));
    buffers.append(key(1), Stdout, b"c", now + FIRST_DELAY);
    assert_eq!(buffers.next_due(), Some(now + FIRST_DELAY + STEADY_DELAY));
}

#[test]
fn streams_keep_their_order_and_the_end_comes_last() {
    let (mut buffers, now) = (Buffers::default(), Instant::now());
    buffers.append(key(1), Stdout, b"out", now);
    buffers.append(key(1), Stderr, b"err", now);
    buffers.end(key(1), now);
    let first = buffers.pop(now).expect("due at once");
    assert_eq!(
        (first.piece.stream, first.piece.offset, first.end),
        (Stdout, 0, false)
    );
    let second = buffers.pop(now).expect("due at once");
    assert_eq!(
        (second.piece.stream, second.piece.offset, second.end),
        (Stderr, 3, true)
    );
    assert!(buffers.is_empty());
    buffers.end(key(2), now);
    assert!(buffers.pop(now).expect("an end without output").end);
}

#[test]
fn a_ring_keeps_the_last_mebibyte_and_offsets_show_the_gap() {
    let (mut buffers, now) = (Buffers::default(), Instant::now());
    for _ in 0..20 {
        buffers.append(key(1), Stdout, &[b'x'; CHUNK_BYTES], now);
    }
    let first = buffers.pop(now).expect("full chunks are due at once");
    assert_eq!(first.piece.offset, 4 * CHUNK_BYTES as u64);
    assert_eq!(first.piece.data.len(), CHUNK_BYTES);
    assert_eq!(buffers.bytes, ATTEMPT_BYTES - CHUNK_BYTES);
}

#[test]
fn all_rings_together_have_a_limit() {
    let (mut buffers, now) = (Buffers::default(), Instant::now());
    buffers.append(key(0), Stdout, b"small", now);
    for task in 1..=70 {
        buffers.append(key(task), Stdout, &vec![b'x'; ATTEMPT_BYTES], now);
    }
    assert!(buffers.bytes <= TOTAL_BYTES);
    assert_eq!(
        buffers.rings[&key(0)].bytes,
        5,
        "who holds little loses nothing"
    );
}
