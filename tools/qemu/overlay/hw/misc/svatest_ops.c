/*
 * svatest: what each command does
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A handler goes on from @done until the command is complete, the slice is
 * used up, it has to wait or it fails. It is entered again from the top, so
 * whatever it needs to remember is in the channel.
 */

#include "qemu/osdep.h"
#include "qemu/atomic.h"
#include "qemu/bswap.h"
#include <zlib.h>
#include "hw/pci/msix.h"
#include "svatest_internal.h"

/* What an operation that is cheap in bytes takes from the slice. */
#define SVATEST_COST 256u

/* A slice that has anything left pays for one more of any cost. */
bool svatest_charge(SVATestState *s, uint32_t cost)
{
    if (!s->budget) {
        return false;
    }
    s->budget -= MIN(cost, s->budget);
    return true;
}

static SVATestStep svatest_bus_error(SVATestChannel *ch, uint64_t addr,
                                     uint32_t rights)
{
    return svatest_fail(ch, SVATEST_ST_ACCESS, addr,
                        rights | SVATEST_REASON_BUS << 8);
}

static void svatest_advance(SVATestChannel *ch, uint64_t len)
{
    ch->done += len;
    ch->s->budget -= MIN(len, ch->s->budget);
    svatest_count(ch->s, SVATEST_CNT_BYTES, len);
}

/* The next piece of the source, the destination or, for COPY, of both. */
static SVATestStep svatest_piece(SVATestChannel *ch, bool src, bool dst,
                                 bool dst_write, SVATestRun *from,
                                 SVATestRun *to, uint64_t *len)
{
    const struct svatest_desc *d = &ch->desc;
    uint64_t left = d->length - ch->done;
    SVATestStep step = SVATEST_DONE;

    if (!ch->s->budget) {
        return SVATEST_MORE;
    }
    *len = MIN(left, ch->s->budget);
    if (src) {
        step = svatest_access(ch, &ch->who, d->src + ch->done, *len, true,
                              false, left, from);
        if (step != SVATEST_DONE) {
            return step;
        }
        *len = from->len;
    }
    if (dst) {
        step = svatest_access(ch, &ch->who, d->dst + ch->done, *len,
                              !dst_write, dst_write, left, to);
        if (step != SVATEST_DONE) {
            return step;
        }
        *len = to->len;
    }
    return SVATEST_DONE;
}

static SVATestStep svatest_op_copy(SVATestChannel *ch)
{
    while (ch->done < ch->desc.length) {
        SVATestRun from, to;
        uint64_t len;
        SVATestStep step = svatest_piece(ch, true, true, true, &from, &to,
                                         &len);

        if (step != SVATEST_DONE) {
            return step;
        }
        if (!svatest_run_copy(ch->s, &to, &from, len)) {
            return svatest_bus_error(ch, ch->desc.dst + ch->done,
                                     SVATEST_DET_READ | SVATEST_DET_WRITE);
        }
        svatest_advance(ch, len);
    }
    return SVATEST_DONE;
}

static SVATestStep svatest_op_fill(SVATestChannel *ch)
{
    uint64_t pattern = cpu_to_le64(ch->desc.imm);

    while (ch->done < ch->desc.length) {
        SVATestRun to;
        uint64_t len;
        uint8_t *buf = ch->s->bounce;
        SVATestStep step = svatest_piece(ch, false, true, true, NULL, &to,
                                         &len);

        if (step != SVATEST_DONE) {
            return step;
        }
        len = MIN(len, sizeof(ch->s->bounce));
        for (uint64_t i = 0; i < len; i++) {
            buf[i] = ((uint8_t *)&pattern)[(ch->done + i) % 8];
        }
        if (!svatest_run_write(ch->s, &to, buf, len)) {
            return svatest_bus_error(ch, ch->desc.dst + ch->done,
                                     SVATEST_DET_WRITE);
        }
        svatest_advance(ch, len);
    }
    return SVATEST_DONE;
}

/* Between host memory and device memory, whose bounds were checked. */
static SVATestStep svatest_op_device(SVATestChannel *ch, bool to_device)
{
    const struct svatest_desc *d = &ch->desc;
    uint8_t *mem = memory_region_get_ram_ptr(&ch->s->mem);

    while (ch->done < d->length) {
        SVATestRun run;
        uint64_t len;
        bool ok;
        SVATestStep step = svatest_piece(ch, to_device, !to_device, true,
                                         &run, &run, &len);

        if (step != SVATEST_DONE) {
            return step;
        }
        if (to_device) {
            ok = svatest_run_read(ch->s, &run, mem + d->dst + ch->done, len);
            memory_region_set_dirty(&ch->s->mem, d->dst + ch->done, len);
        } else {
            ok = svatest_run_write(ch->s, &run, mem + d->src + ch->done, len);
        }
        if (!ok) {
            return svatest_bus_error(ch, (to_device ? d->src : d->dst) +
                                     ch->done, to_device ? SVATEST_DET_READ :
                                     SVATEST_DET_WRITE);
        }
        svatest_advance(ch, len);
    }
    return SVATEST_DONE;
}

static SVATestStep svatest_op_compare(SVATestChannel *ch)
{
    uint8_t *a = ch->s->bounce, *b = a + sizeof(ch->s->bounce) / 2;

    while (ch->done < ch->desc.length) {
        SVATestRun from, to;
        uint64_t len, same = 0;
        SVATestStep step = svatest_piece(ch, true, true, false, &from, &to,
                                         &len);

        if (step != SVATEST_DONE) {
            return step;
        }
        len = MIN(len, sizeof(ch->s->bounce) / 2);
        if (!svatest_run_read(ch->s, &from, a, len) ||
            !svatest_run_read(ch->s, &to, b, len)) {
            return svatest_bus_error(ch, ch->desc.src + ch->done,
                                     SVATEST_DET_READ);
        }
        while (same < len && a[same] == b[same]) {
            same++;
        }
        svatest_advance(ch, same);
        if (same < len) {
            return svatest_fail(ch, SVATEST_ST_MISMATCH,
                                ch->desc.src + ch->done, 0);
        }
    }
    return SVATEST_DONE;
}

static SVATestStep svatest_op_crc(SVATestChannel *ch)
{
    while (ch->done < ch->desc.length) {
        SVATestRun from;
        uint64_t len;
        SVATestStep step = svatest_piece(ch, true, false, false, &from, NULL,
                                         &len);

        if (step != SVATEST_DONE) {
            return step;
        }
        len = MIN(len, sizeof(ch->s->bounce));
        if (!svatest_run_read(ch->s, &from, ch->s->bounce, len)) {
            return svatest_bus_error(ch, ch->desc.src + ch->done,
                                     SVATEST_DET_READ);
        }
        ch->crc = crc32(ch->crc, ch->s->bounce, len);
        svatest_advance(ch, len);
    }
    ch->result = ch->crc;
    return SVATEST_DONE;
}

static uint64_t svatest_combine(const struct svatest_desc *d, uint64_t old)
{
    switch (d->aux) {
    case SVATEST_ATOMIC_ADD:
        return old + d->imm;
    case SVATEST_ATOMIC_SWAP:
        return d->imm;
    default:
        return old == (d->length == 4 ? (uint32_t)d->imm2 : d->imm2) ?
               d->imm : old;
    }
}

/* vCPUs run meanwhile, so this has to be atomic for them as well. */
static uint64_t svatest_atomic(const struct svatest_desc *d, void *p)
{
    if (d->length == 4) {
        uint32_t old, seen = qatomic_read((uint32_t *)p);

        do {
            old = seen;
            seen = qatomic_cmpxchg((uint32_t *)p, old,
                    cpu_to_le32(svatest_combine(d, le32_to_cpu(old))));
        } while (seen != old);
        return le32_to_cpu(old);
    } else {
        uint64_t old, seen = qatomic_read__nocheck((uint64_t *)p);

        do {
            old = seen;
            seen = qatomic_cmpxchg__nocheck((uint64_t *)p, old,
                    cpu_to_le64(svatest_combine(d, le64_to_cpu(old))));
        } while (seen != old);
        return le64_to_cpu(old);
    }
}

static SVATestStep svatest_op_atomic(SVATestChannel *ch)
{
    const struct svatest_desc *d = &ch->desc;
    SVATestRun run;
    SVATestStep step;
    void *p;

    if (!svatest_charge(ch->s, SVATEST_COST)) {
        return SVATEST_MORE;
    }
    step = svatest_access(ch, &ch->who, d->dst, d->length, true, true,
                          d->length, &run);
    if (step != SVATEST_DONE) {
        return step;
    }
    /* An AtomicOp that reaches anything but memory is not supported there. */
    p = run.len == d->length ? svatest_run_map(ch->s, &run, run.len, true) :
        NULL;
    if (!p) {
        return svatest_bus_error(ch, d->dst,
                                 SVATEST_DET_READ | SVATEST_DET_WRITE);
    }
    ch->result = svatest_atomic(d, p);
    svatest_run_unmap(&run, p, run.len, true);
    svatest_advance(ch, d->length);
    return SVATEST_DONE;
}

static SVATestStep svatest_op_touch(SVATestChannel *ch)
{
    const struct svatest_desc *d = &ch->desc;
    bool write = d->aux & SVATEST_AUX_WRITE;

    while (ch->done < d->length) {
        uint64_t addr = d->dst + ch->done;
        uint8_t byte = d->imm;
        SVATestRun run;
        SVATestStep step;

        if (!svatest_charge(ch->s, SVATEST_COST)) {
            return SVATEST_MORE;
        }
        step = svatest_access(ch, &ch->who, addr, 1, !write, write,
                              d->length - ch->done, &run);
        if (step != SVATEST_DONE) {
            return step;
        }
        if (write ? !svatest_run_write(ch->s, &run, &byte, 1) :
                    !svatest_run_read(ch->s, &run, &byte, 1)) {
            return svatest_bus_error(ch, addr, write ? SVATEST_DET_WRITE :
                                     SVATEST_DET_READ);
        }
        ch->touched++;
        svatest_count(ch->s, SVATEST_CNT_BYTES, 1);
        ch->done += MIN(d->imm2, d->length - ch->done);
    }
    ch->result = ch->touched;
    return SVATEST_DONE;
}

static uint32_t svatest_range_detail(const PCISVARange *r)
{
    return (r->read ? SVATEST_DET_READ : 0) |
           (r->write ? SVATEST_DET_WRITE : 0) |
           (r->exec ? SVATEST_DET_EXEC : 0) |
           (r->priv ? SVATEST_DET_PRIV : 0) |
           (r->global ? SVATEST_DET_GLOBAL : 0) |
           (r->untranslated_only ? SVATEST_DET_U : 0) |
           (uint32_t)ctz64(r->size) << 24;
}

static SVATestStep svatest_op_xlate(SVATestChannel *ch)
{
    const struct svatest_desc *d = &ch->desc;
    PCISVARange range;
    unsigned nranges = 1;
    SVATestStep step;

    if (!svatest_charge(ch->s, SVATEST_COST)) {
        return SVATEST_MORE;
    }
    step = svatest_translation(ch, &ch->who, d->src, 1,
                               !(d->aux & SVATEST_AUX_WRITE) ||
                               (d->aux & SVATEST_AUX_READ),
                               d->aux & SVATEST_AUX_WRITE, &range, &nranges);
    if (step != SVATEST_DONE) {
        return step;
    }
    ch->result = range.addr + (d->src - range.iova);
    ch->detail = svatest_range_detail(&range);
    return SVATEST_DONE;
}

static SVATestStep svatest_op_prefetch(SVATestChannel *ch)
{
    const struct svatest_desc *d = &ch->desc;

    while (ch->done < d->length) {
        PCISVARange range;
        unsigned nranges = 1;
        uint64_t addr = d->src + ch->done;
        SVATestStep step;

        if (!svatest_charge(ch->s, SVATEST_COST)) {
            return SVATEST_MORE;
        }
        step = svatest_translation(ch, &ch->who, addr, 1,
                                   !(d->aux & SVATEST_AUX_WRITE) ||
                                   (d->aux & SVATEST_AUX_READ),
                                   d->aux & SVATEST_AUX_WRITE, &range,
                                   &nranges);
        if (step != SVATEST_DONE) {
            return step;
        }
        if (range.read || range.write) {
            svatest_atc_insert(ch->s, ch->who.pasid, &range);
            ch->touched++;
        }
        ch->done += MIN(d->length - ch->done,
                        range.size - (addr - range.iova));
    }
    ch->result = ch->touched;
    return SVATEST_DONE;
}

/* At most the size of device memory, thus one step. */
static SVATestStep svatest_op_atc_dump(SVATestChannel *ch)
{
    const struct svatest_desc *d = &ch->desc;
    uint8_t *mem = memory_region_get_ram_ptr(&ch->s->mem);
    SVATestATCEntry *e;

    if (!svatest_charge(ch->s, ch->s->slice_bytes)) {
        return SVATEST_MORE;
    }
    QTAILQ_FOREACH(e, &ch->s->atc.fifo, next) {
        struct svatest_atc_entry out = {
            .iova = cpu_to_le64(e->range.iova),
            .addr = cpu_to_le64(e->range.addr),
            .detail = cpu_to_le32(svatest_range_detail(&e->range)),
        };

        if (e->pasid != PCI_NO_PASID) {
            out.pasid = cpu_to_le32(e->pasid | SVATEST_DP_VALID);
        }
        if (d->length - ch->done < sizeof(out)) {
            break;
        }
        memcpy(mem + d->dst + ch->done, &out, sizeof(out));
        ch->done += sizeof(out);
    }
    memory_region_set_dirty(&ch->s->mem, d->dst, ch->done);
    ch->result = ch->s->atc.count;
    return SVATEST_DONE;
}

/* A channel that waits for others itself does not hold them up. */
bool svatest_others_idle(SVATestChannel *ch)
{
    for (unsigned i = 0; i < ch->s->num_channels; i++) {
        SVATestChannel *other = &ch->s->channel[i];

        if (other != ch && other->phase != SVATEST_PHASE_IDLE &&
            !other->waits_fence) {
            return false;
        }
    }
    return true;
}

static SVATestStep svatest_op_fence(SVATestChannel *ch)
{
    ch->waits_fence = !svatest_others_idle(ch);
    return ch->waits_fence ? SVATEST_WAIT : SVATEST_DONE;
}

static SVATestStep svatest_op_delay(SVATestChannel *ch)
{
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    if (!ch->done) {
        ch->done = 1;
        ch->wake = now + ch->desc.imm * 1000;
    }
    if (now < ch->wake) {
        return SVATEST_WAIT;
    }
    ch->wake = SVATEST_NO_DEADLINE;
    ch->done = 0;
    return SVATEST_DONE;
}

SVATestStep svatest_op_run(SVATestChannel *ch)
{
    switch (ch->desc.op_flags & SVATEST_OP_MASK) {
    case SVATEST_OP_COPY:
        return svatest_op_copy(ch);
    case SVATEST_OP_FILL:
        return svatest_op_fill(ch);
    case SVATEST_OP_READ:
        return svatest_op_device(ch, true);
    case SVATEST_OP_WRITE:
        return svatest_op_device(ch, false);
    case SVATEST_OP_COMPARE:
        return svatest_op_compare(ch);
    case SVATEST_OP_CRC:
        return svatest_op_crc(ch);
    case SVATEST_OP_ATOMIC:
        return svatest_op_atomic(ch);
    case SVATEST_OP_TOUCH:
        return svatest_op_touch(ch);
    case SVATEST_OP_XLATE:
        return svatest_op_xlate(ch);
    case SVATEST_OP_PREFETCH:
        return svatest_op_prefetch(ch);
    case SVATEST_OP_ATC_DUMP:
        return svatest_op_atc_dump(ch);
    case SVATEST_OP_PAGEREQ:
        return svatest_pri_raw(ch);
    case SVATEST_OP_STOPMARK:
        svatest_pri_stop_marker(ch->s, ch->who.pasid);
        return SVATEST_DONE;
    case SVATEST_OP_FENCE:
        return svatest_op_fence(ch);
    case SVATEST_OP_DELAY:
        return svatest_op_delay(ch);
    case SVATEST_OP_IRQ:
        msix_notify(&ch->s->parent_obj, ch->desc.imm);
        return SVATEST_DONE;
    default:                                    /* SVATEST_OP_NOP */
        return SVATEST_DONE;
    }
}

static bool svatest_range_valid(uint64_t addr, uint64_t len)
{
    return len <= SVATEST_LENGTH_MAX && addr + len >= addr;
}

static bool svatest_mem_valid(uint64_t offset, uint64_t len)
{
    return len <= SVATEST_MEM_SIZE && offset <= SVATEST_MEM_SIZE - len;
}

static bool svatest_aux_valid(const struct svatest_desc *d)
{
    switch (d->op_flags & SVATEST_OP_MASK) {
    case SVATEST_OP_ATOMIC:
        return d->aux <= SVATEST_ATOMIC_CAS &&
               (d->length == 4 || d->length == 8) && d->dst % d->length == 0;
    case SVATEST_OP_TOUCH:
        return d->imm2 && d->aux <= SVATEST_AUX_WRITE;
    case SVATEST_OP_XLATE:
    case SVATEST_OP_PREFETCH:
        return !(d->aux & ~(uint64_t)(SVATEST_AUX_READ | SVATEST_AUX_WRITE |
                                      SVATEST_AUX_EXEC));
    case SVATEST_OP_PAGEREQ:
        return d->length <= SVATEST_PR_MAX && !(d->aux >> 24) &&
               !(d->aux & 0xfe00) && (!(d->aux & SVATEST_PR_WAIT) ||
                                      (d->aux & SVATEST_PR_LAST));
    default:
        return !d->aux;
    }
}

/* Ranges of the operation: @src, @dst, or offsets in device memory. */
static bool svatest_op_valid(SVATestChannel *ch)
{
    const struct svatest_desc *d = &ch->desc;
    bool src = svatest_range_valid(d->src, d->length);
    bool dst = svatest_range_valid(d->dst, d->length);

    switch (d->op_flags & SVATEST_OP_MASK) {
    case SVATEST_OP_COPY:
    case SVATEST_OP_COMPARE:
        return src && dst;
    case SVATEST_OP_CRC:
    case SVATEST_OP_PREFETCH:
        return src;
    case SVATEST_OP_FILL:
    case SVATEST_OP_ATOMIC:
    case SVATEST_OP_TOUCH:
        return dst;
    case SVATEST_OP_READ:
        return src && svatest_mem_valid(d->dst, d->length);
    case SVATEST_OP_WRITE:
        return dst && svatest_mem_valid(d->src, d->length);
    case SVATEST_OP_ATC_DUMP:
        return svatest_mem_valid(d->dst, d->length);
    case SVATEST_OP_PAGEREQ:
    case SVATEST_OP_STOPMARK:
        return ch->flags & SVATEST_CF_TRUSTED;
    case SVATEST_OP_DELAY:
        return d->imm <= SVATEST_DELAY_MAX;
    case SVATEST_OP_IRQ:
        return d->imm < 1 + ch->s->num_channels;
    case SVATEST_OP_NOP:
    case SVATEST_OP_XLATE:
    case SVATEST_OP_FENCE:
        return true;
    default:
        return false;
    }
}

bool svatest_desc_valid(SVATestChannel *ch)
{
    const struct svatest_desc *d = &ch->desc;
    uint32_t needs = 0;

    if (d->op_flags & ~(SVATEST_OP_MASK | SVATEST_F_MASK)) {
        return false;
    }
    if (d->op_flags & SVATEST_F_TRANSLATED) {
        needs |= SVATEST_F_TRANSLATED;
    }
    if (!(ch->pasid & SVATEST_CP_PRIV)) {
        needs |= d->op_flags & SVATEST_F_PRIV;
    }
    if (!(ch->pasid & SVATEST_CP_EXEC)) {
        needs |= d->op_flags & SVATEST_F_EXEC;
    }
    if ((needs || d->pasid) && !(ch->flags & SVATEST_CF_TRUSTED)) {
        return false;
    }
    return !(d->pasid & ~(SVATEST_DP_VALID | SVATEST_PASID_MASK)) &&
           !(d->completion & (sizeof(struct svatest_completion) - 1)) &&
           (d->completion || !(d->op_flags & SVATEST_F_COMPLETION)) &&
           svatest_aux_valid(d) && svatest_op_valid(ch);
}
