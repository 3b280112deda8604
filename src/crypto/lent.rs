//! What most connections do not have for most of their time: a null pointer while it
//! is not there. A thread keeps a few that came back, so that to do without one for a
//! while and to have one again allocates nothing.
//!
//! A value that is moved to the heap has with it what an enum does not use, as the
//! stack was: it is cleared before ([`clear_stack`]).

use super::secret::clear_stack;
use std::cell::RefCell;
use std::fmt;

/// So many of each kind are kept for each thread.
const KEPT: usize = 8;

/// A `T`, if there is one.
pub(crate) struct Lent<T: Kept>(Option<Box<T>>);

/// What can be lent. It holds no secret that it does not wipe itself.
pub(crate) trait Kept: Default + 'static {
    /// Lends the list of this thread; `None` where that is ending.
    fn with_list<R>(then: impl FnOnce(&List<Self>) -> R) -> Option<R>;

    /// Makes it as it is by default. Who often comes and goes does so where it stands.
    fn clear(&mut self) {
        clear_stack();
        *self = Self::default();
    }
}

/// An empty place holds none.
pub(crate) struct List<T>(RefCell<[Option<Box<T>>; KEPT]>);

impl<T> List<T> {
    pub(crate) const fn new() -> Self {
        Self(RefCell::new([const { None }; KEPT]))
    }
}

impl<T: Kept> Lent<T> {
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_deref()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// One as it is by default, if none is there.
    #[inline]
    pub(crate) fn make(&mut self) -> &mut T {
        self.0.get_or_insert_with(take)
    }

    /// Gives it back.
    pub(crate) fn rest(&mut self) {
        if let Some(mut lent) = self.0.take() {
            lent.clear();
            // One too many is freed.
            T::with_list(|list| {
                if let Some(free) = list.0.borrow_mut().iter_mut().find(|place| place.is_none()) {
                    *free = Some(lent);
                }
            });
        }
    }
}

#[cold]
fn take<T: Kept>() -> Box<T> {
    let kept = T::with_list(|list| list.0.borrow_mut().iter_mut().find_map(Option::take));
    kept.flatten().unwrap_or_else(|| {
        clear_stack();
        Box::default()
    })
}

impl<T: Kept> Default for Lent<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Kept> Drop for Lent<T> {
    fn drop(&mut self) {
        self.rest();
    }
}

impl<T: Kept + Clone> Clone for Lent<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Kept + fmt::Debug> fmt::Debug for Lent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Numbers([usize; 5]);

    thread_local! {
        static NUMBERS: List<Numbers> = const { List::new() };
    }

    impl Kept for Numbers {
        fn with_list<R>(then: impl FnOnce(&List<Self>) -> R) -> Option<R> {
            NUMBERS.try_with(then).ok()
        }
    }

    fn kept() -> usize {
        NUMBERS.with(|list| list.0.borrow().iter().flatten().count())
    }

    #[test]
    fn none_until_asked_for_and_the_same_one_again() {
        let mut lent = Lent::<Numbers>::default();
        assert_eq!(size_of_val(&lent), size_of::<usize>());
        lent.rest();
        assert!(lent.get().is_none() && lent.get_mut().is_none() && kept() == 0);
        lent.make().0 = [7; 5];
        assert_eq!(lent.make().0, [7; 5]);
        let place = std::ptr::from_ref(lent.make());
        lent.rest();
        assert!(lent.get().is_none() && kept() == 1);
        let mut other = Lent::<Numbers>::default();
        assert_eq!(std::ptr::from_ref(other.make()), place, "it is the same memory");
        assert_eq!((other.make().0, kept()), ([0; 5], 0), "as it is by default");
    }

    #[test]
    fn a_few_are_kept_also_of_those_that_are_dropped() {
        let mut many: Vec<Lent<Numbers>> = (0..KEPT + 2).map(|_| Lent::default()).collect();
        many.iter_mut().for_each(|lent| lent.make().0 = [1; 5]);
        drop(many);
        assert_eq!(kept(), KEPT);
    }
}
