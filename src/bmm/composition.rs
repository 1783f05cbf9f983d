//! The smoothed categorical distribution of a component over genes.

use crate::data::GeneIdx;

/// Marks an empty slot.
const EMPTY: u32 = u32::MAX;

/// A gene and the number of its molecules in a component.
#[derive(Clone, Copy, Debug)]
struct Slot {
    gene: u32,
    count: u32,
}

/// Where the gene counts of one component stand in a [`GeneCounts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountTable {
    offset: u32,
    /// 32 minus the binary logarithm of the number of slots; 0 for a component without table.
    shift: u32,
}

/// Gene counts of a block of components: one open-addressing table each, in one array.
///
/// A table has room for one and a half times the genes that can occur, so memory follows the
/// molecules, not components times genes.
#[derive(Clone, Debug, Default)]
pub struct GeneCounts {
    slots: Vec<Slot>,
}

impl GeneCounts {
    /// Forgets all tables and keeps the memory.
    pub fn clear(&mut self) {
        self.slots.clear();
    }

    /// Adds the table of a component with these members. Returns where it stands, and the number
    /// of distinct genes.
    pub fn push(&mut self, members: &[u32], genes: &[GeneIdx], n_genes: usize) -> (CountTable, u32) {
        if members.is_empty() {
            return (CountTable::default(), 0);
        }
        let most_genes = members.len().min(n_genes);
        let n_slots = (most_genes + most_genes / 2 + 1).next_power_of_two().max(2);
        let offset = self.slots.len();
        let table = CountTable { offset: offset as u32, shift: 32 - n_slots.trailing_zeros() };
        self.slots.resize(offset + n_slots, Slot { gene: EMPTY, count: 0 });
        let slots = &mut self.slots[offset..];
        let mut n_distinct = 0;
        for &molecule in members {
            let gene = genes[molecule as usize].idx() as u32;
            let mut place = table.first_place(gene);
            loop {
                let slot = &mut slots[place];
                if slot.gene == gene {
                    slot.count += 1;
                    break;
                }
                if slot.gene == EMPTY {
                    *slot = Slot { gene, count: 1 };
                    n_distinct += 1;
                    break;
                }
                place = (place + 1) & (n_slots - 1);
            }
        }
        (table, n_distinct)
    }

    /// Molecules of `gene` in the component of `table`.
    #[inline]
    pub fn count(&self, table: CountTable, gene: GeneIdx) -> u32 {
        if table.shift == 0 {
            return 0;
        }
        let gene = gene.idx() as u32;
        let n_slots = 1usize << (32 - table.shift);
        let slots = &self.slots[table.offset as usize..table.offset as usize + n_slots];
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

impl CountTable {
    #[inline]
    fn first_place(self, gene: u32) -> usize {
        (gene.wrapping_mul(0x9e37_79b1) >> self.shift) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_gene_of_each_component() {
        let genes: Vec<GeneIdx> = [0, 5, 5, 1, 0, 5].map(GeneIdx::new).to_vec();
        let mut counts = GeneCounts::default();
        let (first, n_first) = counts.push(&[0, 1, 2, 4], &genes, 6);
        let (second, n_second) = counts.push(&[3, 5], &genes, 6);
        let (empty, n_empty) = counts.push(&[], &genes, 6);
        assert_eq!((n_first, n_second, n_empty), (2, 2, 0));
        assert_eq!([0, 1, 5].map(|gene| counts.count(first, GeneIdx::new(gene))), [2, 0, 2]);
        assert_eq!([0, 1, 5].map(|gene| counts.count(second, GeneIdx::new(gene))), [0, 1, 1]);
        assert_eq!(counts.count(empty, GeneIdx::new(0)), 0);
    }

    #[test]
    fn a_table_holds_every_gene_of_a_wide_panel() {
        let genes: Vec<GeneIdx> = (0..20_000).map(|i| GeneIdx::new(i % 5_000)).collect();
        let members: Vec<u32> = (0..20_000).collect();
        let mut counts = GeneCounts::default();
        let (table, n_distinct) = counts.push(&members, &genes, 5_000);
        assert_eq!(n_distinct, 5_000);
        assert!((0..5_000).all(|gene| counts.count(table, GeneIdx::new(gene)) == 4));
    }
}
