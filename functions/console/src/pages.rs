//! What the console shows: a view for each page, and the template that it fills.
