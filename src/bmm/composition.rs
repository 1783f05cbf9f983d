//! The smoothed categorical distribution of a component over genes.
//!
//! Counts of all components stand in two arrays: plain rows of one count per gene where that takes
//! no more room, open-addressing tables of the genes that occur otherwise. So memory follows the
//! molecules, not components times genes.

use crate::data::GeneIdx;

/// Marks an empty slot.
const EMPTY: u32 = u32::MAX;
/// [`CountTable::shift`] of a plain row.
const ROW: u8 = 64;

/// A gene and the number of its molecules in a component.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    gene: u32,
    count: u32,
}

const FREE: Slot = Slot { gene: EMPTY, count: 0 };

/// Where the gene counts of one component stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountTable {
    offset: usize,
    /// 32 minus the binary logarithm of the number of slots, [`ROW`], or 0 for no molecules.
    shift: u8,
}

/// Sizes of the two arrays up to some component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    rows: usize,
    slots: usize,
}

impl CountTable {
    /// Reserves room for a component of `n_molecules` behind `used`.
    pub fn reserve(used: &mut Extent, n_molecules: usize, n_genes: usize) -> Self {
        if n_molecules == 0 {
            return Self::default();
        }
        let most_genes = n_molecules.min(n_genes);
        let n_slots = (most_genes + most_genes / 2 + 1).next_power_of_two().max(2);
        if n_genes * size_of::<u16>() <= n_slots * size_of::<Slot>() && n_molecules <= usize::from(u16::MAX) {
            let offset = used.rows;
            used.rows += n_genes;
            Self { offset, shift: ROW }
        } else {
            let offset = used.slots;
            used.slots += n_slots;
            Self { offset, shift: (32 - n_slots.trailing_zeros()) as u8 }
        }
    }

    #[inline]
    fn first_place(self, gene: u32) -> usize {
        (gene.wrapping_mul(0x9e37_79b1) >> self.shift) as usize
    }

    fn n_slots(self) -> usize {
        1 << (32 - self.shift)
    }
}

/// Gene counts of all components.
#[derive(Clone, Debug, Default)]
pub struct GeneCounts {
    rows: Vec<u16>,
    slots: Vec<Slot>,
}

/// The part of [`GeneCounts`] that belongs to a run of components, while they are counted.
pub struct CountsMut<'a> {
    start: Extent,
    rows: &'a mut [u16],
    slots: &'a mut [Slot],
}

impl GeneCounts {
    /// Makes room for all components and parts it at `borders`, the extents at the end of each run.
    pub fn parts(&mut self, borders: &[Extent]) -> Vec<CountsMut<'_>> {
        let total = borders.last().copied().unwrap_or_default();
        self.rows.resize(total.rows, 0);
        self.slots.resize(total.slots, FREE);
        let (mut rows, mut slots) = (&mut self.rows[..], &mut self.slots[..]);
        let mut start = Extent::default();
        let mut parts = Vec::with_capacity(borders.len());
        for &end in borders {
            let (rows_here, rows_left) = rows.split_at_mut(end.rows - start.rows);
            let (slots_here, slots_left) = slots.split_at_mut(end.slots - start.slots);
            parts.push(CountsMut { start, rows: rows_here, slots: slots_here });
            (rows, slots, start) = (rows_left, slots_left, end);
        }
        parts
    }

    /// Molecules of `gene` in the component of `table`.
    #[inline]
    pub fn count(&self, table: CountTable, gene: GeneIdx) -> u32 {
        match table.shift {
            ROW => u32::from(self.rows[table.offset + gene.idx()]),
            0 => 0,
            _ => self.look_up(table, gene),
        }
    }

    fn look_up(&self, table: CountTable, gene: GeneIdx) -> u32 {
        let gene = gene.idx() as u32;
        let n_slots = table.n_slots();
        let slots = &self.slots[table.offset..table.offset + n_slots];
        let mut place = table.first_place(gene);
        loop {
            let slot = slots[place];
            if slot.gene == gene {
                return slot.count;
            }
            if slot.gene == EMPTY {
                return 0;
            }
            place = (place + 1) & (n_slots - 1);
        }
    }
}

impl CountsMut<'_> {
    /// Counts the genes of a component's members into its table; returns how many genes occur.
    pub fn fill(&mut self, table: CountTable, members: &[u32], genes: &[GeneIdx], n_genes: usize) -> u32 {
        match table.shift {
            0 => 0,
            ROW => {
                let offset = table.offset - self.start.rows;
                let row = &mut self.rows[offset..offset + n_genes];
                row.fill(0);
                let mut n_distinct = 0;
                for &molecule in members {
                    let count = &mut row[genes[molecule as usize].idx()];
                    n_distinct += u32::from(*count == 0);
                    *count += 1;
                }
                n_distinct
            }
            _ => {
                let offset = table.offset - self.start.slots;
                fill_slots(&mut self.slots[offset..offset + table.n_slots()], table, members, genes)
            }
        }
    }
}

fn fill_slots(slots: &mut [Slot], table: CountTable, members: &[u32], genes: &[GeneIdx]) -> u32 {
    slots.fill(FREE);
    let last = slots.len() - 1;
    let mut n_distinct = 0;
    for &molecule in members {
        let gene = genes[molecule as usize].idx() as u32;
        let mut place = table.first_place(gene);
        while slots[place].gene != gene && slots[place].gene != EMPTY {
            place = (place + 1) & last;
        }
        let slot = &mut slots[place];
        n_distinct += u32::from(slot.gene == EMPTY);
        *slot = Slot { gene, count: slot.count + 1 };
    }
    n_distinct
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tables of components with the given members.
    fn counted(members: &[&[u32]], genes: &[GeneIdx], n_genes: usize) -> (GeneCounts, Vec<(CountTable, u32)>) {
        let mut used = Extent::default();
        let mut borders = Vec::new();
        let tables: Vec<CountTable> = members
            .iter()
            .map(|members| {
                let table = CountTable::reserve(&mut used, members.len(), n_genes);
                borders.push(used);
                table
            })
            .collect();
        let mut counts = GeneCounts::default();
        let parts = counts.parts(&borders);
        let filled = parts
            .into_iter()
            .zip(tables)
            .zip(members)
            .map(|((mut part, table), members)| (table, part.fill(table, members, genes, n_genes)))
            .collect();
        (counts, filled)
    }

    #[test]
    fn counts_each_gene_of_each_component_in_rows_and_in_tables() {
        let genes: Vec<GeneIdx> = [0, 5, 5, 1, 0, 5].map(GeneIdx::new).to_vec();
        for n_genes in [6, 6000] {
            let (counts, tables) = counted(&[&[0, 1, 2, 4], &[], &[3, 5]], &genes, n_genes);
            let [(first, n_first), (empty, n_empty), (second, n_second)] = tables[..] else { panic!("three tables") };
            assert_eq!(first.shift == ROW, n_genes == 6);
            assert_eq!((n_first, n_second, n_empty), (2, 2, 0));
            assert_eq!([0, 1, 5].map(|gene| counts.count(first, GeneIdx::new(gene))), [2, 0, 2]);
            assert_eq!([0, 1, 5].map(|gene| counts.count(second, GeneIdx::new(gene))), [0, 1, 1]);
            assert_eq!(counts.count(empty, GeneIdx::new(0)), 0);
        }
    }

    #[test]
    fn a_table_holds_every_gene_of_a_wide_panel() {
        let genes: Vec<GeneIdx> = (0..20_000).map(|i| GeneIdx::new(i % 5_000)).collect();
        let members: Vec<u32> = (0..20_000).collect();
        let (counts, tables) = counted(&[&members], &genes, 40_000);
        let (table, n_distinct) = tables[0];
        assert_eq!(n_distinct, 5_000);
        assert!((0..5_000).all(|gene| counts.count(table, GeneIdx::new(gene)) == 4));
        assert_eq!(counts.count(table, GeneIdx::new(30_000)), 0);
    }

    #[test]
    fn a_row_cannot_overflow() {
        let genes = vec![GeneIdx::new(1); 70_000];
        let members: Vec<u32> = (0..70_000).collect();
        let (counts, tables) = counted(&[&members], &genes, 3);
        assert_eq!(counts.count(tables[0].0, GeneIdx::new(1)), 70_000);
    }
}
