/* SPDX-License-Identifier: Apache-2.0 */
/* Google's Goldfish real-time clock: wall-clock time in ns since 1970, settable, with an alarm. */
#pragma once
#include "devices/device.h"

#define GOLDFISH_RTC_SIZE 0x1000

struct device *goldfish_rtc_new(struct machine *m);
