//! Decoders of libraries that may panic on damaged files.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder in the calling thread; `None` if it panics.
///
/// The panic is not printed: what is wrong with the file is an error, which the caller words.
pub(super) fn quietly<T>(decode: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !IS_QUIET.get() {
                before(panic);
            }
        }));
    });
    let was_quiet = IS_QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(decode));
    IS_QUIET.set(was_quiet);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::quietly;

    #[test]
    fn a_panic_is_no_result_and_the_next_call_is_none_the_worse() {
        assert_eq!(quietly(|| Vec::<u8>::new()[1]), None);
        assert_eq!(quietly(|| 2), Some(2));
    }
}
