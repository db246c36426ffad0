// Permission to use the AMX tile registers.
#pragma once

namespace hence {

// Asks the operating system once for the whole process; threads started later inherit the answer, so the first call
// must precede them. False where the processor or the system has no AMX with int8 and bf16.
bool enableAmx();

}  // namespace hence
