//! Who gets a row and who gives it up.

use super::*;
use crate::mac::Mac;
use proptest::prelude::*;
use std::collections::BTreeMap;

const KEY: HashKey = HashKey([11, 22, 33, 44]);
const HOURS_4: Duration = Duration::from_hours(4);

fn table(max: usize, expiry: Option<Duration>) -> Table {
    Table::new(&Arc::new(Budget::new(max)), expiry, Arc::default(), KEY)
}

fn sender(n: u32) -> Sender {
    let mut octets = [2; 6];
    octets[2..].copy_from_slice(&n.to_be_bytes());
    Sender::Mac(Mac(octets))
}

fn millis(n: u64) -> Time {
    Time(n * 1_000_000)
}

/// Counts a frame; whether it went to a row.
fn feed(table: &mut Table, now: Time, n: u32) -> bool {
    match table.touch(now, Stamp(now.0.into()), sender(n)) {
        Some(row) => {
            assert_eq!(row.sender, sender(n));
            row.counters.packets[0] += 1;
            true
        }
        None => false,
    }
}

/// Every place, slot and count of the table agrees with every other.
fn check(table: &Table) {
    assert_eq!(table.rows.len(), table.index.len());
    assert_eq!(table.rows.len(), table.heat.len());
    for (place, row) in (0_u32..).zip(&table.rows) {
        assert_eq!(table.index.get(&row.sender), Some(&place));
        if row.slot != ESTABLISHED {
            assert_eq!(table.newcomers.row(row.slot), place);
        }
    }
    let newcomers = table.rows.iter().filter(|row| row.slot != ESTABLISHED).count();
    assert_eq!(newcomers, table.newcomers.len());
    if let Some((last, place)) = table.last {
        assert_eq!(table.rows[place as usize].sender, last);
    }
}

/// `count` devices that were there for two minutes.
fn settle(table: &mut Table, count: u32) -> u64 {
    for second in (0..=120).step_by(20) {
        for n in 0..count {
            assert!(feed(table, millis(second * 1_000), n));
        }
        table.tick(millis(second * 1_000));
    }
    assert_eq!(table.newcomers.len(), 0);
    121_000
}

#[test]
fn every_sender_gets_a_row_while_there_are_free_ones() {
    let mut table = table(100, None);
    for n in 0..100 {
        assert!(feed(&mut table, Time(0), n));
    }
    assert_eq!((table.rows.len(), table.evicted), (100, Evicted::default()));
    check(&table);
}

#[test]
fn without_rows_everything_is_other() {
    let mut table = table(0, Some(HOURS_4));
    assert!((0..1_000).all(|n| !feed(&mut table, millis(n.into()), n)));
    table.tick(millis(2_000));
    assert_eq!((table.rows.len(), table.evicted), (0, Evicted::default()));
}

#[test]
fn seven_in_eight_rows_can_be_established() {
    let mut table = table(80, None);
    for n in 0..80 {
        for at in [0, 30_000, 60_000] {
            feed(&mut table, millis(at), n);
        }
        check(&table);
    }
    assert_eq!((table.rows.len(), table.newcomers.len()), (80, 10));
}

#[test]
fn a_newcomer_is_promoted_after_sixty_seconds_and_three_frames() {
    let mut table = table(80, None);
    for at in [0, 1, 59_999] {
        feed(&mut table, millis(at), 1);
    }
    assert_eq!(table.newcomers.len(), 1, "too early");
    feed(&mut table, millis(0), 2);
    feed(&mut table, millis(60_000), 2);
    assert_eq!(table.newcomers.len(), 2, "too few frames");
    feed(&mut table, millis(60_000), 1);
    assert_eq!(table.newcomers.len(), 1);
    check(&table);
}

#[test]
fn a_device_that_returns_after_the_expiry_starts_at_zero() {
    let mut table = table(80, Some(HOURS_4));
    feed(&mut table, Time(0), 1);
    feed(&mut table, Time(0).plus(HOURS_4).minus(Duration::from_nanos(1)), 1);
    assert_eq!(table.rows[0].counters.packets[0], 2);
    // There was no tick: the row is found, but has expired.
    feed(&mut table, Time(0).plus(HOURS_4 * 2), 1);
    assert_eq!(table.rows[0].counters.packets[0], 1);
    assert_eq!(table.evicted, Evicted { expired: 1, capacity: 0 });
    check(&table);
}

#[test]
fn idle_devices_expire_in_the_tick() {
    let mut table = table(80, Some(HOURS_4));
    for n in 0..10 {
        feed(&mut table, millis(u64::from(n) * 1_000), n);
    }
    table.tick(Time(0).plus(HOURS_4).minus(Duration::from_nanos(1)));
    assert_eq!(table.rows.len(), 10);
    table.tick(millis(4_000).plus(HOURS_4));
    assert_eq!((table.rows.len(), table.evicted.expired), (5, 5));
    check(&table);
    table.tick(millis(9_000).plus(HOURS_4));
    assert_eq!((table.rows.len(), table.lease.limit(), table.evicted.expired), (0, 80, 10));
}

#[test]
fn series_from_the_first_frame_under_half_full_else_after_two_windows() {
    let mut table = table(4, None);
    feed(&mut table, millis(0), 0);
    feed(&mut table, millis(0), 1);
    let exposed = |table: &Table| table.rows.iter().map(|row| row.exposed).collect::<Vec<_>>();
    assert_eq!(exposed(&table), [true, false]);
    feed(&mut table, millis(9_999), 1);
    assert_eq!(exposed(&table), [true, false], "the same window");
    feed(&mut table, millis(10_000), 1);
    assert_eq!(exposed(&table), [true, true]);
}

#[test]
fn a_segment_gives_rows_back_to_another_that_is_sure_of_them() {
    let budget = Arc::new(Budget::new(100));
    let mut greedy = Table::new(&budget, Some(HOURS_4), Arc::default(), KEY);
    for second in 0..=61 {
        // 80 devices that stay, 20 that came once.
        for n in 0..if second == 0 { 100 } else { 80 } {
            feed(&mut greedy, millis(second * 1_000), n);
        }
    }
    let mut late = Table::new(&budget, Some(HOURS_4), Arc::default(), KEY);
    assert!(!feed(&mut late, millis(62_000), 1));
    greedy.tick(millis(62_000));
    late.tick(millis(62_000));
    check(&greedy);
    assert_eq!((greedy.rows.len(), greedy.evicted.capacity), (50, 50));
    assert!((80..100).all(|n| !greedy.index.contains_key(&sender(n))), "the silent ones went");
    // One in eight of what is left is for newcomers again.
    assert_eq!(greedy.newcomers.len(), 7);
    assert!((0..50).all(|n| feed(&mut late, millis(62_000), n)));
    assert_eq!(budget.used(), 100);
}

#[test]
fn invented_senders_neither_push_out_devices_nor_hide_a_flooder() {
    const INVENTED: u32 = 1_000_000;
    const ROWS: usize = 2_000;
    // The flooder's frames come every 20 ms (50/s) or 10 ms, the invented ones every 10 us
    // (100,000/s): newcomers' rows turn over in 2.5 ms.
    for (gap, old_devices) in [(2_000_u32, 1_750_u32), (1_000, 100)] {
        let mut table = table(ROWS, Some(HOURS_4));
        let start = settle(&mut table, old_devices);
        let (mut fed, mut lost) = (0_u64, 0_u64);
        let mut second = 0;
        for n in 0..120_000_u32 {
            let now = millis(start).plus(Duration::from_micros(u64::from(n) * 10));
            if now.second() != second {
                second = now.second();
                table.tick(now);
            }
            feed(&mut table, now, INVENTED + n);
            // It begins in the middle of the flood.
            if n >= 20_000 && n % gap == 0 {
                fed += 1;
                lost += u64::from(!feed(&mut table, now, u32::MAX));
            }
        }
        check(&table);
        let counted = |table: &Table, n| {
            let place = *table.index.get(&sender(n))?;
            Some(table.rows[place as usize].counters.packets[0])
        };
        for n in 0..old_devices {
            assert_eq!(counted(&table, n), Some(7), "device {n} lost its row");
        }
        let flooder = counted(&table, u32::MAX).expect("the flooder has a row");
        assert!(flooder + 12 >= fed, "kept from its first frames on: {flooder} of {fed}");
        assert!(lost <= 3, "{lost}");
        assert!(table.rows.len() <= ROWS && table.rows.capacity() <= 2 * ROWS);
        assert!(table.index.capacity() <= 4 * ROWS);
    }
}

#[test]
fn invented_senders_that_come_ten_times_each_do_not_hide_a_flooder() {
    let mut table = table(2_000, None);
    let mut present = 0;
    for n in 0..120_000_u32 {
        let now = Time(u64::from(n) * 10_000);
        feed(&mut table, now, 1_000_000 + n / 10);
        if n % 400 == 0 {
            present += u32::from(feed(&mut table, now, u32::MAX));
        }
    }
    let place = table.index[&sender(u32::MAX)];
    let counted = table.rows[place as usize].counters.packets[0];
    assert!(counted > 260, "{counted} of 300 in one row, {present} in any");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn agrees_with_a_map_where_nothing_is_evicted(
        steps in prop::collection::vec((0_u32..40, 0_u64..2_000), 1..400),
    ) {
        let mut table = table(40, Some(HOURS_4));
        let mut model = BTreeMap::<u32, u64>::new();
        let mut now = Time(0);
        for (n, gap) in steps {
            now = now.plus(Duration::from_millis(gap));
            prop_assert!(feed(&mut table, now, n));
            *model.entry(n).or_default() += 1;
            if gap > 1_000 {
                table.tick(now);
            }
        }
        check(&table);
        prop_assert_eq!(table.rows.len(), model.len());
        for row in &table.rows {
            let n = model.keys().find(|n| sender(**n) == row.sender).expect("known");
            prop_assert_eq!(row.counters.packets[0], model[n]);
        }
        prop_assert_eq!(table.evicted, Evicted::default());
    }

    #[test]
    fn keeps_its_bounds_and_books_under_eviction(
        max in 0_usize..24,
        expiry in prop::option::of(2_u64..20),
        steps in prop::collection::vec((0_u32..60, 0_u64..1_000, any::<bool>()), 1..400),
    ) {
        let budget = Arc::new(Budget::new(max));
        let expiry = expiry.map(Duration::from_secs);
        let mut tables = [0, 1].map(|_| Table::new(&budget, expiry, Arc::default(), KEY));
        let mut now = Time(0);
        let (mut rows_made, mut in_rows, mut other) = (0, 0_u64, 0_u64);
        let total = steps.len() as u64;
        for (n, gap, second) in steps {
            now = now.plus(Duration::from_millis(gap));
            let table = &mut tables[usize::from(second)];
            match table.touch(now, Stamp(0), sender(n)) {
                Some(row) => {
                    rows_made += u64::from(row.counters.packets[0] == 0);
                    row.counters.packets[0] += 1;
                    in_rows += 1;
                }
                None => other += 1,
            }
            if gap > 500 {
                for table in &mut tables {
                    table.tick(now);
                }
            }
            let rows: usize = tables.iter().map(|table| table.rows.len()).sum();
            prop_assert!(rows <= max);
            prop_assert_eq!(rows, budget.used());
        }
        tables.iter().for_each(check);
        prop_assert_eq!(in_rows + other, total, "each frame is in a row or in other, once");
        let evicted: u64 = tables.iter().map(|t| t.evicted.expired + t.evicted.capacity).sum();
        prop_assert_eq!(rows_made, evicted + budget.used() as u64);
        let counted: u64 = tables.iter().flat_map(|t| &t.rows).map(|r| r.counters.packets[0]).sum();
        prop_assert!(counted <= in_rows);
    }
}

#[test]
fn a_table_that_never_forgets_keeps_whom_it_has_and_counts_the_others_as_other() {
    let mut table = table(8, None);
    let fed = (0..1_000).filter(|n| feed(&mut table, millis(u64::from(*n) * 100), n % 20)).count();
    check(&table);
    assert_eq!(fed, 1_000 * 8 / 20, "the first eight, with every frame");
    assert!(table.rows.iter().all(|row| row.counters.packets[0] == 50));
    assert_eq!(table.evicted(), Evicted::default());
}
