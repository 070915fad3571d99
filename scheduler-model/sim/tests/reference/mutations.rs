//! Whatever the bytes are, readers read or refuse.

use drover_sim::trace::{format::Format, read::TraceFile};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::data;

const SAMPLES: [(Format, &str); 4] = [
    (
        Format::Swf,
        "; MaxProcs: 8\n1 10 -1 20 8 -1 -1 4 100 -1 1 7 1 5 -1 -1 -1 -1\n2 11 -1 0.5 1 -1 -1 -1 -1 -1 1 7 1 5 -1 -1 -1 -1\n",
    ),
    (
        Format::Tpch,
        r#"{"1":{"edges":[[0,1]],"stages":[{"num_tasks":2,"rough_duration_ms":4.5,"fresh_durations":{"2":[4]},"first_wave":{},"rest_wave":{}},{"num_tasks":1,"rough_duration_ms":4,"fresh_durations":{},"first_wave":{},"rest_wave":{}}]}}"#,
    ),
    (
        Format::Alibaba,
        "0,j_1,M1,10,100.0,0.3,2\n0,j_1,R2_1,20,50.0,0.4,3\n7,j_2,task_x,5,5.0,0.1,1\n",
    ),
    (
        Format::Philly,
        "job_id,user,num_gpu,submit_time,model_name,duration,expect_time_list,job_type\n0,a,4,20,vgg,30,45,strict\n1,b,0,10,vgg,20,40-60,soft\n",
    ),
];

/// Bytes that readers care about, and some that nobody expects.
const ALPHABET: &[u8] = b"0123456789.-;,:_ \t\r\n\"{}[]eENaM\x00\xff\xc3";

#[derive(Clone, Debug)]
enum Mutation {
    Replace(Index, u8),
    Insert(Index, u8),
    Cut(Index),
    Remove(Index),
    Repeat(Index, Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let byte = prop_oneof![proptest::sample::select(ALPHABET), any::<u8>()];
    let place = any::<Index>;
    prop_oneof![
        4 => (place(), byte.clone()).prop_map(|(at, byte)| Mutation::Replace(at, byte)),
        4 => (place(), byte).prop_map(|(at, byte)| Mutation::Insert(at, byte)),
        1 => place().prop_map(Mutation::Cut),
        2 => place().prop_map(Mutation::Remove),
        2 => (place(), place()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
    ]
}

fn apply(content: &mut Vec<u8>, mutation: &Mutation) {
    let size = content.len() + 1;
    match mutation {
        Mutation::Insert(at, byte) => content.insert(at.index(size), *byte),
        Mutation::Cut(at) => content.truncate(at.index(size)),
        Mutation::Repeat(from, to) => {
            let (from, to) = (from.index(size), to.index(size));
            content.extend_from_within(from.min(to)..from.max(to));
        }
        Mutation::Replace(at, _) | Mutation::Remove(at) if content.is_empty() => {
            content.push(at.index(256) as u8);
        }
        Mutation::Replace(at, byte) => {
            let at = at.index(content.len());
            content[at] = *byte;
        }
        Mutation::Remove(at) => {
            content.remove(at.index(content.len()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_read_or_refused(
        sample in proptest::sample::select(&SAMPLES[..]),
        mutations in vec(mutation(), 0..12),
        lenient in any::<bool>(),
    ) {
        let (format, text) = sample;
        let mut content = text.as_bytes().to_vec();
        for mutation in &mutations {
            apply(&mut content, mutation);
        }
        Format::of("unnamed", &content);
        let file = TraceFile { name: "damaged".to_owned(), format, content };
        match data::parse(&file, lenient) {
            Ok((trace, skipped)) => {
                prop_assert!(!trace.jobs.is_empty() && !trace.nodes.is_empty());
                prop_assert!(trace.jobs.is_sorted_by_key(|job| job.submitted_ms));
                prop_assert!(lenient || skipped.total() == 0);
                // Sums and longest paths stay within their types, too.
                trace.jobs.iter().for_each(|job| { job.ideal_ms(); });
                prop_assert!(trace.offered_load() >= 0.0);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn undamaged_samples_are_read_and_empty_ones_refused() {
    for (format, text) in SAMPLES {
        let file = |content: &[u8]| TraceFile {
            name: "sample".to_owned(),
            format,
            content: content.to_vec(),
        };
        assert_eq!(Format::of("unnamed", text.as_bytes()), Some(format));
        let read = data::parse(&file(text.as_bytes()), false);
        assert!(read.is_ok(), "{format}: {read:?}");
        assert!(data::parse(&file(b""), false).is_err(), "{format}");
    }
}
