/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What vcpu->tripped is where regions are executed: has stencil_calls.tripped make the state that of the poll, and leaves the region. */
extern const char region_trip[];
