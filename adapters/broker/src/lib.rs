//! What the Apache module and the broker tell each other: groups as they are defined, and pools of
//! worker processes as they are asked for.
