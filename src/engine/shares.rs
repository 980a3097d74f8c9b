//! Work that falls into independent pieces, done on the threads that the machine has.

use std::thread::{Builder, available_parallelism, scope};

/// Most threads for one piece of work.
const THREADS_MAX: usize = 4;

/// Does `work` for each piece and hands on the results in the order of the pieces. A thread gets at least `share_min` pieces.
pub fn in_shares<P: Sync, R: Send>(pieces: &[P], share_min: usize, work: impl Fn(&P) -> R + Sync) -> Vec<R> {
    let threads = available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let share = pieces.len().div_ceil(threads).max(share_min).max(1);
    let work = |share: &[P]| -> Vec<R> { share.iter().map(&work).collect() };
    scope(|scope| {
        let mut others = pieces.chunks(share);
        let first = others.next().unwrap_or_default();
        let started: Vec<_> = others.map(|share| (share, Builder::new().spawn_scoped(scope, || work(share)))).collect();
        let mut done = work(first);
        for (share, thread) in started {
            match thread {
                Ok(thread) => done.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
                Err(_) => done.extend(work(share)),
            }
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::in_shares;

    #[test]
    fn every_piece_once_and_in_order() {
        for pieces in [0, 1, 2, 3, 7, 1000] {
            for share_min in [0, 1, 64] {
                let pieces: Vec<usize> = (0..pieces).collect();
                assert_eq!(in_shares(&pieces, share_min, |p| p * 2), pieces.iter().map(|p| p * 2).collect::<Vec<_>>());
            }
        }
    }
}
