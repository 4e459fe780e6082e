//! Times as logs spell them: always UTC, so that no clock change makes lines ambiguous.

use std::{
    cell::RefCell,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::line::Line;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// From the first of January 1970, a Thursday.
const DAYS: [&str; 7] =
    ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// Conversions of `strftime` that [`Moment::strftime`] knows.
pub(super) const CONVERSIONS: &str = "AaBbCcDdeFGgHhIjklMmnPpRrSsTtUuVWwXxYyZz%";

/// A point in time, in parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    since: Duration,
    year: u64,
    /// From 0.
    month: usize,
    /// From 1.
    day: u64,
}

impl Moment {
    pub(super) fn new(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (year, month, day) = civil(since.as_secs() / 86_400);
        Self { since, year, month, day }
    }

    /// `2000-10-10T13:55:36.123456Z`.
    pub(super) fn rfc3339(&self, line: &mut Line) {
        let (month, [hour, minute, second]) = (self.month + 1, self.clock());
        let (year, day, micros) = (self.year, self.day, self.since.subsec_micros());
        line.formatted(format_args!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        ));
    }

    /// `[10/Oct/2000:13:55:36 +0000]`.
    fn common(&self, line: &mut Line) {
        let [hour, minute, second] = self.clock();
        line.formatted(format_args!(
            "[{:02}/{}/{:04}:{hour:02}:{minute:02}:{second:02} +0000]",
            self.day,
            &MONTHS[self.month][..3],
            self.year
        ));
    }

    /// One conversion of `strftime`, in the locale C.
    pub(super) fn strftime(&self, conversion: char, line: &mut Line) {
        let [hour, minute, second] = self.clock();
        let (year, month, day) = (self.year, self.month + 1, self.day);
        let twelve = (hour + 11) % 12 + 1;
        let half = if hour < 12 { "AM" } else { "PM" };
        match conversion {
            'A' => line.text(self.weekday_name().as_bytes()),
            'a' => line.text(&self.weekday_name().as_bytes()[..3]),
            'B' => line.text(MONTHS[self.month].as_bytes()),
            'b' | 'h' => line.text(&MONTHS[self.month].as_bytes()[..3]),
            'C' => line.formatted(format_args!("{:02}", year / 100)),
            'c' => self.several("a b e T Y", line),
            'D' | 'x' => line.formatted(format_args!("{month:02}/{day:02}/{:02}", year % 100)),
            'd' => line.formatted(format_args!("{day:02}")),
            'e' => line.formatted(format_args!("{day:2}")),
            'F' => line.formatted(format_args!("{year:04}-{month:02}-{day:02}")),
            'G' => line.formatted(format_args!("{:04}", self.iso_week().0)),
            'g' => line.formatted(format_args!("{:02}", self.iso_week().0 % 100)),
            'H' => line.formatted(format_args!("{hour:02}")),
            'I' => line.formatted(format_args!("{twelve:02}")),
            'j' => line.formatted(format_args!("{:03}", self.day_of_year() + 1)),
            'k' => line.formatted(format_args!("{hour:2}")),
            'l' => line.formatted(format_args!("{twelve:2}")),
            'M' => line.formatted(format_args!("{minute:02}")),
            'm' => line.formatted(format_args!("{month:02}")),
            'P' => line.text(half.to_ascii_lowercase().as_bytes()),
            'p' => line.text(half.as_bytes()),
            'R' => line.formatted(format_args!("{hour:02}:{minute:02}")),
            'r' => self.several("I:M:S p", line),
            'S' => line.formatted(format_args!("{second:02}")),
            's' => line.number(self.since.as_secs()),
            'T' | 'X' => line.formatted(format_args!("{hour:02}:{minute:02}:{second:02}")),
            // Weeks that begin on Sunday, on Monday, and as ISO 8601 counts them.
            'U' => {
                line.formatted(format_args!(
                    "{:02}",
                    (self.day_of_year() + 7 - self.weekday()) / 7
                ));
            }
            'W' => {
                let monday = (self.weekday() + 6) % 7;
                line.formatted(format_args!("{:02}", (self.day_of_year() + 7 - monday) / 7));
            }
            'V' => line.formatted(format_args!("{:02}", self.iso_week().1)),
            'u' => line.number((self.weekday() + 6) % 7 + 1),
            'w' => line.number(self.weekday()),
            'Y' => line.formatted(format_args!("{year:04}")),
            'y' => line.formatted(format_args!("{:02}", year % 100)),
            'Z' => line.text(b"UTC"),
            'z' => line.text(b"+0000"),
            'n' => line.text(b"\n"),
            't' => line.text(b"\t"),
            _ => line.text(b"%"),
        }
    }

    /// Letters stand for conversions, all else for itself.
    fn several(&self, conversions: &str, line: &mut Line) {
        for character in conversions.chars() {
            if character.is_ascii_alphabetic() {
                self.strftime(character, line);
            } else {
                line.formatted(format_args!("{character}"));
            }
        }
    }

    pub(super) fn since(&self) -> Duration {
        self.since
    }

    fn clock(&self) -> [u64; 3] {
        let seconds = self.since.as_secs();
        [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60]
    }

    fn weekday_name(&self) -> &'static str {
        let day = self.since.as_secs() / 86_400 % 7;
        DAYS[usize::try_from(day).unwrap_or(0)]
    }

    /// From 0, for Sunday.
    fn weekday(&self) -> u64 {
        (self.since.as_secs() / 86_400 + 4) % 7
    }

    /// From 0.
    fn day_of_year(&self) -> u64 {
        let leap = u64::from(is_leap(self.year));
        let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][self.month];
        before + if self.month > 1 { leap } else { 0 } + self.day - 1
    }

    /// Year and week as ISO 8601 counts them: a week belongs to the year that its Thursday is in.
    fn iso_week(&self) -> (u64, u64) {
        let monday = (self.weekday() + 6) % 7;
        let length = |year: u64| 365 + i64::from(is_leap(year));
        let thursday =
            i64::try_from(self.day_of_year() + 3).unwrap_or(0) - i64::try_from(monday).unwrap_or(0);
        let (year, thursday) = if thursday < 0 {
            (self.year - 1, thursday + length(self.year - 1))
        } else if thursday >= length(self.year) {
            (self.year + 1, thursday - length(self.year))
        } else {
            (self.year, thursday)
        };
        (year, u64::try_from(thursday / 7).unwrap_or(0) + 1)
    }
}

/// Writes `time` as `[10/Oct/2000:13:55:36 +0000]`. It is made once a second.
pub(super) fn common(time: SystemTime, line: &mut Line) {
    thread_local! {
        static MADE: RefCell<(u64, Line)> = RefCell::default();
    }
    let second = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    MADE.with_borrow_mut(|(at, made)| {
        if *at != second || made.0.is_empty() {
            *at = second;
            made.0.clear();
            Moment::new(time).common(made);
        }
        line.text(&made.0);
    });
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Year, month from 0 and day from 1 of a day counted from 1970.
///
/// Years are taken to begin in March, so that the leap day comes last (H. Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: u64) -> (u64, usize, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let day = day - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 2 } else { march - 10 };
    let year = year + era * 400 + u64::from(month < 2);
    (year, usize::try_from(month).expect("months are fewer than 12"), day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strftime(format: &str, seconds: u64) -> String {
        let mut line = Line::default();
        let moment = Moment::new(UNIX_EPOCH + Duration::from_secs(seconds));
        for conversion in format.chars() {
            moment.strftime(conversion, &mut line);
            line.text(b" ");
        }
        String::from_utf8(line.0).unwrap().trim_end().to_owned()
    }

    // What GNU date(1) prints for the same conversions.
    #[test]
    fn conversions_are_those_of_the_c_library() {
        let all = "AaBbCdeFGgHIjklMmPpRSsTUuVWwYyD";
        assert_eq!(
            strftime(all, 971_186_136),
            "Tuesday Tue October Oct 20 10 10 2000-10-10 2000 00 13 01 284 13  1 55 10 pm PM \
             13:55 36 971186136 13:55:36 41 2 41 41 2 2000 00 10/10/00"
        );
        assert_eq!(
            strftime(all, 1_104_537_599), // the last second of 2004, a leap year
            "Friday Fri December Dec 20 31 31 2004-12-31 2004 04 23 11 366 23 11 59 12 pm PM \
             23:59 59 1104537599 23:59:59 52 5 53 52 5 2004 04 12/31/04"
        );
        // In the last week of the year before, and in the first of the year after.
        assert_eq!(strftime("FGVUWu", 1_104_537_600), "2005-01-01 2004 53 00 00 6");
        assert_eq!(strftime("FGVUWu", 1_230_595_200), "2008-12-30 2009 01 52 52 2");
    }

    #[test]
    fn every_day_has_its_date() {
        let mut expected = (1970, 0, 1);
        for day in 0..60_000 {
            assert_eq!(civil(day), expected, "day {day}");
            let (year, month, date) = &mut expected;
            let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            let length = lengths[*month] + u64::from(*month == 1 && is_leap(*year));
            *date += 1;
            if *date > length {
                (*month, *date) = (*month + 1, 1);
            }
            if *month == 12 {
                (*year, *month) = (*year + 1, 0);
            }
        }
    }

    #[test]
    fn the_time_of_a_line_follows_the_clock() {
        let written = |seconds: u64| {
            let mut line = Line::default();
            common(UNIX_EPOCH + Duration::from_secs(seconds), &mut line);
            String::from_utf8(line.0).unwrap()
        };
        assert_eq!(written(971_186_136), "[10/Oct/2000:13:55:36 +0000]");
        assert_eq!(written(971_186_137), "[10/Oct/2000:13:55:37 +0000]");
        assert_eq!(written(971_186_136), "[10/Oct/2000:13:55:36 +0000]");
        assert_eq!(written(0), "[01/Jan/1970:00:00:00 +0000]");
    }
}
