/*
 * Intel VT-d with nested translation, PASIDs and page requests: configuration
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_I386_INTEL_IOMMU_SVA_H
#define HW_I386_INTEL_IOMMU_SVA_H

#include "hw/qdev-properties.h"

typedef struct VTDSvaState VTDSvaState;

#define VTD_SVA_CACHE_SIZE      65536
#define VTD_SVA_INV_TIMEOUT_MS  1000
#define VTD_SVA_VERSION         6

/**
 * VTDSvaConfig: properties of the engine, constant after realize
 *
 * @nested: there is an engine at all
 * @check_stale: compare every cache hit with memory and count differences
 * @walk_cache: keep pointers to tables of both stages beside the IOTLB
 * @cache_size: entries of a cache that make it start anew, 0: it never does
 * @fs5lp: first-stage tables may have five levels
 * @version: major version, decides what a request to execute meets
 * @prq_delay_us: how long page requests stay in the fabric
 * @inv_timeout_ms: how long an endpoint may hold an invalidation
 */
typedef struct VTDSvaConfig {
    bool nested;
    bool check_stale;
    bool walk_cache;
    bool fs5lp;
    uint8_t version;
    uint32_t cache_size;
    uint32_t prq_delay_us;
    uint32_t inv_timeout_ms;
} VTDSvaConfig;

#define VTD_SVA_PROPERTIES(_state, _field)                                    \
    DEFINE_PROP_BOOL("x-nested", _state, _field.nested, false),               \
    DEFINE_PROP_BOOL("x-check-stale", _state, _field.check_stale, false),     \
    DEFINE_PROP_BOOL("x-walk-cache", _state, _field.walk_cache, false),       \
    DEFINE_PROP_BOOL("x-fs5lp", _state, _field.fs5lp, false),                 \
    DEFINE_PROP_UINT8("x-version", _state, _field.version, VTD_SVA_VERSION),  \
    DEFINE_PROP_UINT32("x-cache-size", _state, _field.cache_size,             \
                       VTD_SVA_CACHE_SIZE),                                   \
    DEFINE_PROP_UINT32("prq-delay-us", _state, _field.prq_delay_us, 0),       \
    DEFINE_PROP_UINT32("inv-timeout-ms", _state, _field.inv_timeout_ms,       \
                       VTD_SVA_INV_TIMEOUT_MS)

#endif
