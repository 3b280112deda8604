//! What an error says where nobody formats it.

/// `{:?}` of an error is what it says, as `{}` is, and `{:#?}` all that `{:#}`
/// tells: `unwrap`, `expect` and a `main` that returns an error print `{:?}`.
macro_rules! debug_is_display {
    ($($error:ty)*) => {$(
        impl ::std::fmt::Debug for $error {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(self, f)
            }
        }
    )*};
}

pub(crate) use debug_is_display;
