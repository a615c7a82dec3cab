//! Statements as types.

use diesel::{QueryResult, pg::Pg, query_builder::AstPass};

/// Defines a statement whose text never changes, so that each connection
/// prepares it once.
///
/// The fields become the columns of a first clause `input`, one row, which the
/// text that follows reads by name. With `direct` they stand for the question
/// marks of the text, in their order: what is asked for on every request should
/// cost the server no clause more than it must. Columns that several statements
/// take stand in an [`Inputs`] of their own, which `..` adds.
macro_rules! statement {
    (direct $name:ident { $($field:ident: $rust:ty => $sql:ty),+ $(,)? } $text:expr) => {
        $crate::statement::statement!(@type $name { $($field: $rust),+ });

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                let mut parts = $text.split('?');
                out.push_sql(parts.next().unwrap_or_default());
                $(
                    out.push_bind_param::<$sql, _>(&self.$field)?;
                    out.push_sql(parts.next().unwrap_or_default());
                )+
                Ok(())
            }
        }
    };
    ($name:ident {
        $($field:ident: $rust:ty => $sql:ty),+ $(, ..$shared:ident: $inputs:ty)* $(,)?
    } $text:expr) => {
        $crate::statement::statement!(@type $name { $($field: $rust,)+ $($shared: $inputs),* });

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                let mut before = "WITH input AS MATERIALIZED (SELECT ";
                $(
                    out.push_sql(before);
                    out.push_bind_param::<$sql, _>(&self.$field)?;
                    out.push_sql(concat!(" AS ", stringify!($field)));
                    before = ", ";
                )+
                let _ = before;
                $($crate::statement::Inputs::walk(&self.$shared, out.reborrow())?;)*
                out.push_sql(")");
                out.push_sql($text);
                Ok(())
            }
        }
    };
    (@type $name:ident { $($field:ident: $rust:ty),+ $(,)? }) => {
        #[derive(Clone)]
        pub(crate) struct $name {
            $(pub(crate) $field: $rust,)+
        }

        impl diesel::query_builder::QueryId for $name {
            type QueryId = Self;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::Query for $name {
            type SqlType = diesel::sql_types::Untyped;
        }
    };
}

/// Columns of `input` that several statements take.
pub(crate) trait Inputs {
    /// Writes them, each after a comma.
    fn walk<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

pub(crate) use statement;
