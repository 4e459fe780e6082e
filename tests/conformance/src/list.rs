//! The list of all cases, each named once, and how one is run.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use narthex_core::{Capabilities, Capability};

use crate::{Host, cases, matrix};

/// A dialogue and what must be seen in it.
#[derive(Clone, Copy)]
pub struct Case {
    /// The group of cases it belongs to.
    pub group: &'static str,
    /// Its name in the group.
    pub name: &'static str,
    /// Backends without one of these are excused.
    pub needs: &'static [Capability],
    /// Backends with one of these are excused.
    pub spares: &'static [Capability],
    run: fn(&dyn Host),
}

/// Why a case is not run on a backend.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Excuse {
    /// The backend lacks this.
    Lacks(Capability),
    /// The backend has this.
    Has(Capability),
    /// The web server in front of it does this.
    Front(&'static str),
}

impl Case {
    /// What excuses a backend with these capabilities, if anything does.
    #[must_use]
    pub fn excuse(&self, capabilities: Capabilities) -> Option<Excuse> {
        let lacks = self.needs.iter().find(|&&needed| !capabilities.has(needed));
        let has = self.spares.iter().find(|&&spared| capabilities.has(spared));
        lacks.map(|&it| Excuse::Lacks(it)).or(has.map(|&it| Excuse::Has(it)))
    }

    /// What excuses `host`, opened with these capabilities, if anything does.
    pub(crate) fn excuse_of(&self, host: &dyn Host, capabilities: Capabilities) -> Option<Excuse> {
        let front = || host.in_front(self.group, self.name).map(Excuse::Front);
        self.excuse(capabilities).or_else(front)
    }
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}::{}", self.group, self.name)
    }
}

/// Runs one case on `host`, and enters the outcome in the matrix under `directory`.
pub fn run(host: &dyn Host, group: &str, name: &str, directory: &str) {
    let case = CASES.iter().find(|case| case.group == group && case.name == name);
    let case = case.expect("cases! made the list and the test");
    let excuse = case.excuse_of(host, host.open("127.0.0.1:0").capabilities);
    if let Some(excuse) = excuse {
        eprintln!("excused: {excuse:?}");
        matrix::enter(host.name(), case, matrix::Cell::Excused(excuse), directory);
        return;
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| (case.run)(host)));
    let cell = if outcome.is_ok() { matrix::Cell::Passed } else { matrix::Cell::Failed };
    matrix::enter(host.name(), case, cell, directory);
    outcome.unwrap_or_else(|panic| resume_unwind(panic));
}

/// Generates a `#[test]` for each case, and one that holds the number excused to `EXCUSED`.
#[macro_export]
macro_rules! suite {
    ($host:expr) => {
        #[test]
        fn excused_cells() {
            $crate::hold_to_the_excused(&$host);
        }

        $crate::cases! { tests $host }
    };
}

/// Every case: `group [what it needs] [what spares it] { names }`, given to the macro `$then`.
#[doc(hidden)]
#[macro_export]
macro_rules! cases {
    ($then:ident $($given:tt)*) => {
        $crate::$then! {
            [$($given)*]

            request [] [] {
                methods
                path_is_decoded_once
                slashes_are_kept
                raw_bytes_in_the_path
                dot_segments_are_removed
                query_is_raw
                target_is_raw
                mount_is_cut_off
                facts_of_the_connection
                field_values_reach_the_application
                long_field_values
                cookies_are_one_field
                authorization_is_handed_down
                proxy_is_no_variable
                variables_are_complete
                view_is_the_same_in_every_way
                body_is_received
                body_of_every_byte
                body_of_96_000_bytes
                body_of_a_mebibyte
                body_on_get
                empty_body
                body_beyond_the_limit
            }

            repeated_fields [RepeatedFields] [] {
                repeated_request_fields
            }

            raw_fields [] [LenientParser] {
                bytes_above_ascii_in_fields
                bytes_above_ascii_in_an_upgrade
            }

            response [] [] {
                body_in_pieces
                body_with_declared_length
                empty_response
                empty_pieces_do_not_end_the_body
                large_body
                file
                every_status
                reason_phrase
                fields_reach_the_client
                redirects
                repeated_response_fields
                long_response_fields
                bytes_above_ascii_in_response_fields
                body_like_a_head
                newlines_are_kept
                head_has_no_body
                no_content
                not_modified
                unfinished_response_is_ended
                request_body_may_be_ignored
                access_is_logged
                resources_are_released_once
            }

            reason [ReasonPhrase] [] {
                reason_phrase_of_its_own
                reason_phrase_above_ascii
            }

            hostile [] [] {
                failure_before_the_head
                panic_before_the_head
                no_response_at_all
                control_characters_in_the_reason
                hop_by_hop_fields
                malformed_content_length
                interim_as_final_status
                body_beyond_its_length
                body_for_a_bodiless_status
                started_twice
                write_after_the_end
                failure_after_the_end
                failure_is_logged_once
                pulled_failure_of_a_bodiless_response
            }

            truncation [Truncation] [] {
                failure_after_the_head
                panic_after_the_head
                failure_within_a_declared_length
                body_short_of_its_length
                failure_before_the_first_piece
            }

            departure [] [] {
                client_leaves_while_pushed
                client_leaves_while_pulled
                client_leaves_while_waited_for
            }

            connection [Persistent Framing] [] {
                kept_alive_after_each_kind_of_body
                close_is_honoured
                http_1_0_is_closed
                http_1_0_keeps_alive_on_request
                http_1_0_never_sees_chunks
                kept_alive_after_a_failure_before_the_head
                kept_alive_after_a_cut_body
                closed_after_a_failure_after_the_head
                failure_takes_no_earlier_answer_along
                pipelined_in_order
                pipelined_behind_an_upload
                body_left_unread
                body_left_unread_and_never_sent
                head_in_single_bytes
                body_in_many_packets
                broken_off_at_every_byte
                upgrade_is_ignored
                half_closed_client_is_answered
                client_gone_before_its_body
                head_is_released_before_the_next
                requests_run_side_by_side
            }

            streaming [Persistent] [] {
                slow_reader_is_waited_for
                client_leaves_a_stalled_response
                client_leaves_in_the_middle_of_its_body
                slow_upload_beside_a_fast_one
            }

            echo [Duplex] [] {
                echo
            }

            duplex [Persistent Duplex] [] {
                echo_while_the_body_arrives
                pieces_arrive_as_they_are_made
                large_body_there_and_back
            }

            expectation [Persistent Framing] [] {
                interim_when_the_body_is_read
                no_interim_when_answered_first
                body_is_sent_without_waiting
            }

            chunked [Persistent Framing] [] {
                chunked_body
                chunked_body_in_single_bytes
                chunked_sizes_and_extensions
                chunked_then_another_request
                large_chunked_body
                chunked_body_left_unread
                chunked_body_too_large
            }

            syntax [Persistent Framing] [LenientParser] {
                empty_lines_before_a_request
                trailers_are_no_fields
                trailers_in_single_bytes
            }

            interim [Persistent Framing] [] {
                interim_carries_no_fields
                http_1_0_expects_nothing
            }

            malformed [Persistent Framing] [] {
                request_lines
                versions
                targets
                target_bytes
                bytes_outside_of_uris
                field_names
                field_name_bytes
                field_values
                field_value_bytes
                obsolete_folding
                bare_line_feeds
                bare_carriage_returns
                hosts
                connect
                asterisk
                not_http_at_all
                malformed_behind_good_ones
                refusal_is_logged
            }

            smuggling [Persistent Framing] [] {
                both_framings
                repeated_content_length
                content_length_forms
                transfer_codings
                transfer_encoding_of_http_1_0
                chunk_sizes
                chunk_extensions
                chunk_terminators
                trailers
                smuggled_behind_an_unread_body
                body_cut_by_the_client
            }

            names [Persistent Framing] [] {
                underscores_are_dropped
            }

            limits [Persistent] [] {
                declared_body_too_large
                body_limit_is_exact
            }

            head_limits [Persistent Framing] [] {
                head_too_large
                head_without_end
                too_many_fields
                target_too_long
            }

            timeouts [Persistent Framing] [] {
                head_too_slow
                idle_connection_is_closed
            }

            patience [Persistent] [] {
                body_too_slow
                response_not_taken
            }

            server [Persistent Framing] [] {
                unix_socket
                idle_connections_are_closed
                access_log_has_every_request
            }

            stopping [Persistent] [] {
                running_request_is_finished
                nothing_is_accepted_after_a_stop
            }

            http2 [Http2] [] {
                get_and_post
                three_at_once
                failures
                upload_and_download
                limits
                reset_by_the_client
            }

            corpus [Persistent Framing] [LenientParser] {
                gunicorn
            }
        }
    };
}

/// The `#[test]`s of [`suite!`].
#[doc(hidden)]
#[macro_export]
macro_rules! tests {
    ([$host:expr] $($group:ident $needs:tt $spares:tt { $($name:ident)* })*) => {
        $(mod $group {
            use super::*;
            $(
                #[test]
                fn $name() {
                    let directory = concat!(env!("CARGO_TARGET_TMPDIR"), "/../conformance");
                    $crate::run(&$host, stringify!($group), stringify!($name), directory);
                }
            )*
        })*
    };
}

macro_rules! capabilities {
    ([$($capability:ident)*]) => { &[$(Capability::$capability),*] };
}

macro_rules! list {
    ([] $($group:ident $needs:tt $spares:tt { $($name:ident)* })*) => {
        /// Every case, in the order of the matrix.
        pub const CASES: &[Case] = &[$($(Case {
            group: stringify!($group),
            name: stringify!($name),
            needs: capabilities!($needs),
            spares: capabilities!($spares),
            run: cases::$group::$name,
        },)*)*];
    };
}
pub(crate) use list as list_cases;

crate::cases! { list_cases }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excuses_are_capabilities() {
        let case = CASES.iter().find(|case| case.group == "syntax").unwrap();
        let able = Capabilities::NONE.with(Capability::Persistent).with(Capability::Framing);
        assert_eq!(case.excuse(able), None);
        let lenient = able.with(Capability::LenientParser);
        assert_eq!(case.excuse(lenient), Some(Excuse::Has(Capability::LenientParser)));
        let unable = able.without(Capability::Framing);
        assert_eq!(case.excuse(unable), Some(Excuse::Lacks(Capability::Framing)));
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = CASES.iter().map(|case| (case.group, case.name)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CASES.len());
    }
}
