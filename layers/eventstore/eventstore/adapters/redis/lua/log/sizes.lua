-- Returns the bytes of the bodies of an entry of a stream, which are its value.
local function size_of(value) return #value end
