//! Closed sets of names: an enum, the list of its variants and the label of each, from one row a
//! variant.
//!
//! Makes the enum with `ALL`, `COUNT` and `label()`, and `in_words()` and `meaning()` where each
//! variant is explained to people, and `in_past()` where what it says may be over. It must not know what the names stand for.

/// An enum that `labelled!` made.
pub trait Labelled: Copy + 'static {
    /// All variants, each at its place.
    const VARIANTS: &'static [Self];

    /// The place of a variant among all.
    fn place(self) -> usize;

    /// The label value.
    fn label(self) -> &'static str;
}

/// Declares an enum whose variants each have a label.
///
/// Documentation is written as for any other enum, and so is a derive that not every such enum
/// needs.
macro_rules! labelled {
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $($(#[doc = $about:literal])+ $variant:ident = $label:literal => $words:literal / $past:literal,)*
        }
    ) => {
        labelled! {
            $(#[$meta])*
            $vis enum $name {
                $($(#[doc = $about])+ $variant = $label => $words,)*
            }
        }

        impl $name {
            /// The same of what is over.
            pub const fn in_past(self) -> &'static str {
                match self {
                    $(Self::$variant => $past,)*
                }
            }
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $($(#[doc = $about:literal])+ $variant:ident = $label:literal => $words:literal,)*
        }
    ) => {
        labelled! {
            $(#[$meta])*
            $vis enum $name {
                $($(#[doc = $about])+ $variant = $label,)*
            }
        }

        impl $name {
            /// What happens, for people: follows the name of who does it.
            pub const fn in_words(self) -> &'static str {
                match self {
                    $(Self::$variant => $words,)*
                }
            }

            /// What it means: its documentation.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($about),+).trim_ascii_start(),)*
                }
            }
        }
    };
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $($(#[$about:meta])* $variant:ident = $label:literal,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        $vis enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// All, in the order of their declaration.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$variant,)*];

            /// How many there are.
            pub const COUNT: usize = [$($label),*].len();

            /// The label value.
            pub const fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label,)*
                }
            }
        }

        impl $crate::labelled::Labelled for $name {
            const VARIANTS: &'static [Self] = &Self::ALL;

            fn place(self) -> usize {
                self as usize
            }

            fn label(self) -> &'static str {
                self.label()
            }
        }
    };
}

pub(crate) use labelled;

#[cfg(test)]
mod tests {
    labelled! {
        /// Two signs.
        #[derive(PartialOrd, Ord)]
        pub(crate) enum Sign {
            /// Less than zero.
            Minus = "minus",
            /// More than zero.
            Plus = "plus",
        }
    }

    #[test]
    fn rows_make_the_list_and_the_labels_in_their_order() {
        assert_eq!(Sign::ALL, [Sign::Minus, Sign::Plus]);
        assert_eq!(Sign::ALL.map(Sign::label), ["minus", "plus"]);
        assert_eq!(Sign::COUNT, 2);
        assert!(Sign::Minus < Sign::Plus && Sign::Plus as usize == 1);
    }
}
