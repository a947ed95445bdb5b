/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IOASID trace support
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ioasid

#if !defined(_IOASID_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _IOASID_TRACE_H

#include <linux/tracepoint.h>

#include "ioasid_private.h"

TRACE_EVENT(ioasid_alloc,
	TP_PROTO(const struct ioasid_set *set, ioasid_t min, ioasid_t max,
		 int ret),

	TP_ARGS(set, min, max, ret),

	TP_STRUCT__entry(
		__field(u64, set)
		__field(u32, min)
		__field(u32, max)
		__field(u32, used)
		__field(u32, quota)
		__field(int, ret)
	),

	TP_fast_assign(
		__entry->set = set->num;
		__entry->min = min;
		__entry->max = max;
		__entry->used = set->used;
		__entry->quota = set->quota;
		__entry->ret = ret;
	),

	TP_printk("set=%llu range=[%u, %u] used=%u quota=%u ret=%d",
		  __entry->set, __entry->min, __entry->max, __entry->used,
		  __entry->quota, __entry->ret)
);

DECLARE_EVENT_CLASS(ioasid_event,
	TP_PROTO(const struct ioasid_data *data),

	TP_ARGS(data),

	TP_STRUCT__entry(
		__field(u64, set)
		__field(u32, id)
		__field(u32, spid)
		__field(u32, refs)
	),

	TP_fast_assign(
		__entry->set = data->set->num;
		__entry->id = data->id;
		__entry->spid = data->spid;
		__entry->refs = refcount_read(&data->refs);
	),

	/* No set-private id prints as -1. */
	TP_printk("set=%llu id=%u spid=%d refs=%u", __entry->set, __entry->id,
		  (int)__entry->spid, __entry->refs)
);

DEFINE_EVENT(ioasid_event, ioasid_free,
	TP_PROTO(const struct ioasid_data *data),
	TP_ARGS(data)
);

DEFINE_EVENT(ioasid_event, ioasid_bind,
	TP_PROTO(const struct ioasid_data *data),
	TP_ARGS(data)
);

DEFINE_EVENT(ioasid_event, ioasid_unbind,
	TP_PROTO(const struct ioasid_data *data),
	TP_ARGS(data)
);

TRACE_DEFINE_ENUM(IOASID_STATE_IDLE);
TRACE_DEFINE_ENUM(IOASID_STATE_ACTIVE);
TRACE_DEFINE_ENUM(IOASID_STATE_FREE_PENDING);

#define ioasid_show_state(state)				\
	__print_symbolic(state,					\
		{ IOASID_STATE_IDLE,		"idle" },	\
		{ IOASID_STATE_ACTIVE,		"active" },	\
		{ IOASID_STATE_FREE_PENDING,	"free-pending" })

TRACE_EVENT(ioasid_state,
	TP_PROTO(const struct ioasid_data *data, u8 next),

	TP_ARGS(data, next),

	TP_STRUCT__entry(
		__field(u64, set)
		__field(u32, id)
		__field(u8, from)
		__field(u8, to)
	),

	TP_fast_assign(
		__entry->set = data->set->num;
		__entry->id = data->id;
		__entry->from = data->state;
		__entry->to = next;
	),

	TP_printk("set=%llu id=%u %s -> %s", __entry->set, __entry->id,
		  ioasid_show_state(__entry->from),
		  ioasid_show_state(__entry->to))
);

#endif /* _IOASID_TRACE_H */

/* This part must be outside protection */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH ../../drivers/iommu/ioasid
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
