//! Molecules grouped by component.

use crate::data::ComponentIdx;

/// Members of every component, ascending, one component after another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Groups {
    /// Start of each component's members, `[n_components + 1]`.
    offsets: Vec<u32>,
    members: Vec<u32>,
    /// Place of each molecule among the members of its component; meaningless for noise.
    place_of: Vec<u32>,
}

impl Groups {
    /// Groups molecules by `assignment`; reuses the memory of the last grouping.
    ///
    /// Components with fewer than `min_size` molecules end: their molecules become noise.
    pub fn regroup(&mut self, assignment: &mut [Option<ComponentIdx>], n_components: usize, min_size: usize) {
        self.offsets.clear();
        self.offsets.resize(n_components + 1, 0);
        self.place_of.resize(assignment.len(), 0);
        for (component, place) in assignment.iter().zip(&mut self.place_of) {
            if let Some(component) = component {
                let size = &mut self.offsets[component.idx() + 1];
                *place = *size;
                *size += 1;
            }
        }
        let mut end = 0;
        for size_or_end in &mut self.offsets[1..] {
            if (*size_or_end as usize) < min_size {
                // The molecules find an empty range below and leave.
                *size_or_end = 0;
            }
            end += *size_or_end;
            *size_or_end = end;
        }
        self.members.resize(end as usize, 0);
        for (molecule, (component, place)) in assignment.iter_mut().zip(&self.place_of).enumerate() {
            if let Some(at) = component {
                let (begin, end) = (self.offsets[at.idx()], self.offsets[at.idx() + 1]);
                if begin == end {
                    *component = None;
                } else {
                    self.members[(begin + place) as usize] = molecule as u32;
                }
            }
        }
    }

    /// Number of components, ended ones included.
    pub fn n_components(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Molecules of a component, ascending.
    #[inline]
    pub fn members(&self, component: usize) -> &[u32] {
        &self.members[self.offsets[component] as usize..self.offsets[component + 1] as usize]
    }

    /// Number of molecules of a component.
    #[inline]
    pub fn size(&self, component: usize) -> usize {
        (self.offsets[component + 1] - self.offsets[component]) as usize
    }

    /// Number of molecules in any component.
    pub fn n_assigned(&self) -> usize {
        self.members.len()
    }

    /// Place of a molecule among the members of its component.
    #[inline]
    pub fn place_of(&self, molecule: usize) -> usize {
        self.place_of[molecule] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_ascending_and_noise_is_nowhere() {
        let to = |component| Some(ComponentIdx::new(component));
        let mut groups = Groups::default();
        groups.regroup(&mut [to(2), None, to(0), to(2), to(2)], 3, 1);
        assert_eq!(groups.members(0), [2]);
        assert_eq!(groups.members(1), [0u32; 0]);
        assert_eq!(groups.members(2), [0, 3, 4]);
        assert_eq!(groups.place_of(4), 2);
        assert_eq!((groups.n_assigned(), groups.size(2)), (4, 3));
    }

    #[test]
    fn small_components_end() {
        let to = |component| Some(ComponentIdx::new(component));
        let mut assignment = [to(1), to(0), to(1), None];
        let mut groups = Groups::default();
        groups.regroup(&mut assignment, 2, 2);
        assert_eq!(assignment, [to(1), None, to(1), None]);
        assert_eq!((groups.size(0), groups.members(1)), (0, &[0u32, 2][..]));
    }
}
