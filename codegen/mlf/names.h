// Names and comments that come from models, made safe for generated C. A model may call a tensor
// anything at all; what reaches a C file from here is always an identifier or harmless text.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

namespace mlfc {

/// Every byte outside [A-Za-z0-9_] becomes `_`. Names that are no identifiers after that (leading
/// digits, keywords, macros of the headers we include, nothing at all) get a `_` in front.
std::string sanitised(std::string_view name);

std::string lower_cased(std::string_view text);
std::string upper_cased(std::string_view text);

/// The module name as it appears in symbols and paths: lower case, `-` and `.` as `_`. Fails for
/// names that no reader would recognise after that (path separators, blanks, nothing, too long).
std::string module_symbol(const std::string& name);

/// At most 80 characters of `name`; a longer one is cut there and gets `_<hash>_` of the whole.
std::string shortened_symbol(const std::string& name);

/// `name`, or `name_1`, `name_2` ... when it is taken; remembers what it returned.
std::string unique_name(const std::string& name, std::set<std::string>& taken);

/// Text that may stand inside /* */ and on a // line: no comment marks, no backslash, no control or
/// non-ASCII bytes (written as \xNN with the backslash spelled %), lines of bounded length.
std::string comment_line(std::string_view text);

/// A block comment of the lines of `text`, each made safe, ending in a newline.
std::string block_comment(std::string_view text);

/// Text as a C string literal with its quotes; bytes outside printable ASCII as octal escapes.
std::string string_literal(std::string_view text);

}  // namespace mlfc
