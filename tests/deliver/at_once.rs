//! Several messages under way at once.

use super::*;

const THREE: [(&str, &str, &str); 3] =
    [("ana", "Ana", "ana@example.org"), ("ben", "Ben", "ben@example.org"), ("cleo", "Cleo", "cleo@example.org")];

/// Does something before it takes the message with this number.
struct Interrupted<'t> {
    directory: Directory,
    at: usize,
    taken: usize,
    what: &'t dyn Fn(),
}

impl Transport for Interrupted<'_> {
    fn hand_over(&mut self, message: &Outgoing<'_>) -> Result<Handed, TransportError> {
        if self.taken == self.at {
            (self.what)();
        }
        self.taken += 1;
        self.directory.hand_over(message)
    }

    fn at_once(&self) -> usize {
        10
    }
}

fn sent_to(town: &Town) -> [i64; 3] {
    THREE.map(|(key, ..)| town.sent_to(key))
}

#[test]
fn each_gets_one() {
    let town = Town::of(&THREE);
    assert_eq!(town.deliver(&mut town.directory(), 10).report.sent, 3);
    assert_eq!((town.files().len(), sent_to(&town)), (3, [1, 1, 1]));
    assert_eq!(town.deliver(&mut town.directory(), 11).report.sent, 0);
}

#[test]
fn uns_09_who_withdraws_while_others_are_handed_over_gets_nothing_more() {
    let town = Town::of(&THREE);
    let what = || ["ana", "cleo"].into_iter().for_each(|key| town.withdraw(key));
    let mut transport = Interrupted { directory: town.directory(), at: 0, taken: 0, what: &what };
    let drained = town.deliver(&mut transport, 10);
    // Ana's was on its way already, Cleo's was claimed and is tried again.
    assert_eq!((drained.report.sent, drained.report.dropped), (2, 1), "{drained:?}");
    assert_eq!((town.files().len(), sent_to(&town)), (2, [1, 1, 0]));
    let sql = "SELECT count(*) FROM outbox WHERE state = 'claimed'";
    let claimed: i64 = town.store().connection().query_row(sql, [], |row| row.get(0)).expect("a count");
    assert_eq!(claimed, 0);
}

#[test]
fn del_02_a_crash_among_several_neither_loses_nor_repeats() {
    for at in 0..3 {
        let town = Town::of(&THREE);
        let what = || panic!("the power fails");
        let mut transport = Interrupted { directory: town.directory(), at, taken: 0, what: &what };
        assert!(catch_unwind(AssertUnwindSafe(|| town.deliver(&mut transport, 10))).is_err());
        assert_eq!((town.files().len(), sent_to(&town)), (at, [0, 0, 0]));

        let drained = town.deliver(&mut town.directory(), 10);
        assert_eq!((drained.settled, drained.report.sent, drained.report.unknown), (at, 3 - at, 0));
        assert_eq!((town.files().len(), sent_to(&town)), (3, [1, 1, 1]));
    }
}
