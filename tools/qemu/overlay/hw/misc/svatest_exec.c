/*
 * svatest: life of a command
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Fetch (ring only), start, run, completion, head write-back (ring only). Each
 * phase may have to wait for a page; the next slice enters it again. A slice
 * is one call of the bottom half: bounded in bytes and commands, so that vCPUs
 * and the queues of the IOMMU interleave at its borders.
 */

#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/main-loop.h"
#include "svatest_internal.h"

void svatest_kick(SVATestState *s)
{
    qemu_bh_schedule(s->bh);
}

bool svatest_channel_busy(const SVATestChannel *ch)
{
    return ch->phase != SVATEST_PHASE_IDLE || ch->imm_pending ||
           ((ch->flags & SVATEST_CF_ENABLE) && !ch->ring_error &&
            ch->head != ch->tail);
}

static bool svatest_can_run(const SVATestChannel *ch)
{
    return (ch->s->control & SVATEST_CTRL_ENABLE) &&
           (ch->flags & SVATEST_CF_ENABLE);
}

static bool svatest_waiting(const SVATestChannel *ch)
{
    return ch->groups || ch->waits_credit || ch->wake != SVATEST_NO_DEADLINE;
}

static void svatest_signal(SVATestChannel *ch)
{
    ch->completions = 0;
    ch->intr_deadline = SVATEST_NO_DEADLINE;
    svatest_raise(ch->s, SVATEST_INTR_CHANNEL(ch->index));
}

static void svatest_coalesce(SVATestChannel *ch)
{
    uint32_t count = ch->coalesce & 0xffff;
    uint32_t us = ch->coalesce >> 16;

    if (++ch->completions >= count) {
        svatest_signal(ch);
    } else if (us && ch->intr_deadline == SVATEST_NO_DEADLINE) {
        ch->intr_deadline = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL) +
                            (int64_t)us * 1000;
    }
}

static void svatest_command_clear(SVATestChannel *ch)
{
    ch->phase = SVATEST_PHASE_IDLE;
    ch->done = 0;
    ch->result = 0;
    ch->touched = 0;
    ch->crc = 0;
    ch->status = SVATEST_ST_NONE;
    ch->detail = 0;
    ch->reported = false;
    ch->groups = 0;
    ch->waits_credit = false;
    ch->waits_fence = false;
    ch->wake = SVATEST_NO_DEADLINE;
    ch->resp_deadline = SVATEST_NO_DEADLINE;
    ch->response = PCI_SVA_RESP_SUCCESS;
    ch->pr_page = UINT64_MAX;
    ch->rounds = 0;
}

static void svatest_who_channel(SVATestChannel *ch, SVATestRequester *who,
                                bool in_pasid)
{
    bool valid = in_pasid && (ch->pasid & SVATEST_CP_VALID);

    *who = (SVATestRequester) {
        .pasid = valid ? ch->pasid & SVATEST_PASID_MASK : PCI_NO_PASID,
        .priv = valid && (ch->pasid & SVATEST_CP_PRIV),
        .ats = in_pasid && (ch->flags & SVATEST_CF_ATS),
        .pri = in_pasid && (ch->flags & SVATEST_CF_PRI),
    };
}

static void svatest_who_command(SVATestChannel *ch)
{
    uint32_t f = ch->desc.op_flags;
    SVATestRequester *who = &ch->who;

    svatest_who_channel(ch, who, true);
    if (ch->flags & SVATEST_CF_TRUSTED) {
        who->pasid = ch->desc.pasid & SVATEST_DP_VALID ?
                     ch->desc.pasid & SVATEST_PASID_MASK : PCI_NO_PASID;
    }
    who->priv = f & SVATEST_F_PRIV;
    who->exec = (f & SVATEST_F_EXEC) || (ch->desc.aux & SVATEST_AUX_EXEC &&
                ((f & SVATEST_OP_MASK) == SVATEST_OP_XLATE ||
                 (f & SVATEST_OP_MASK) == SVATEST_OP_PREFETCH));
    if (who->pasid == PCI_NO_PASID) {
        /* These travel with a PASID only. */
        who->priv = false;
        who->exec = false;
    }
    who->ats &= !(f & SVATEST_F_UNTRANSLATED);
    who->pri &= !(f & SVATEST_F_NO_PRI);
    who->translated = f & SVATEST_F_TRANSLATED;
    who->no_write = f & SVATEST_F_NO_WRITE;
}

static void svatest_desc_load(SVATestChannel *ch, const uint8_t *p)
{
    struct svatest_desc *d = &ch->desc;

    d->op_flags = ldl_le_p(p + offsetof(struct svatest_desc, op_flags));
    d->pasid = ldl_le_p(p + offsetof(struct svatest_desc, pasid));
    d->src = ldq_le_p(p + offsetof(struct svatest_desc, src));
    d->dst = ldq_le_p(p + offsetof(struct svatest_desc, dst));
    d->length = ldl_le_p(p + offsetof(struct svatest_desc, length));
    d->tag = ldl_le_p(p + offsetof(struct svatest_desc, tag));
    d->imm = ldq_le_p(p + offsetof(struct svatest_desc, imm));
    d->imm2 = ldq_le_p(p + offsetof(struct svatest_desc, imm2));
    d->completion = ldq_le_p(p + offsetof(struct svatest_desc, completion));
    d->aux = ldq_le_p(p + offsetof(struct svatest_desc, aux));
}

/* Read the descriptor at the head; @phase moves on when it is there. */
static SVATestStep svatest_fetch(SVATestChannel *ch)
{
    SVATestState *s = ch->s;
    uint8_t raw[sizeof(struct svatest_desc)];
    uint64_t addr = ch->ring_base + (uint64_t)ch->head * sizeof(raw);
    SVATestRun run;
    SVATestStep step;

    svatest_who_channel(ch, &ch->who, ch->flags & SVATEST_CF_RING_PASID);
    step = svatest_access(ch, &ch->who, addr, sizeof(raw), true, false,
                          sizeof(raw), &run);
    if (step == SVATEST_DONE && !svatest_run_read(s, &run, raw, sizeof(raw))) {
        step = SVATEST_FAIL;
        ch->status = SVATEST_ST_ACCESS;
    }
    if (step == SVATEST_DONE) {
        svatest_desc_load(ch, raw);
        ch->phase = SVATEST_PHASE_START;
    } else if (step == SVATEST_FAIL) {
        ch->ring_error = true;
        ch->last_error = ch->status;
        svatest_command_clear(ch);
        svatest_set_error(s, SVATEST_ERR_RING);
    }
    return step;
}

static SVATestStep svatest_start(SVATestChannel *ch)
{
    if (!svatest_desc_valid(ch)) {
        /* Nothing in it can be relied on, the completion address neither. */
        ch->status = SVATEST_ST_BAD_DESC;
        ch->desc.op_flags = 0;
        ch->desc.completion = 0;
        svatest_set_error(ch->s, SVATEST_ERR_DESC);
        ch->phase = SVATEST_PHASE_COMPLETE;
        return SVATEST_DONE;
    }
    svatest_who_command(ch);
    if ((ch->s->stop_status & SVATEST_STOP_BUSY) &&
        ch->who.pasid == (ch->s->stop_pasid & SVATEST_PASID_MASK)) {
        svatest_abort(ch);
        return SVATEST_DONE;
    }
    if ((ch->desc.op_flags & SVATEST_F_FENCE) && !svatest_others_idle(ch)) {
        ch->waits_fence = true;
        return SVATEST_WAIT;
    }
    ch->waits_fence = false;
    ch->phase = SVATEST_PHASE_RUN;
    return SVATEST_DONE;
}

/* The last four bytes are the sequence number, written by themselves. */
static bool svatest_completion_write(SVATestChannel *ch, SVATestRun *run)
{
    uint8_t raw[sizeof(struct svatest_completion)];
    const size_t body = offsetof(struct svatest_completion, sequence);
    uint32_t status = ch->status;
    bool ok;

    if (status == SVATEST_ST_NONE) {
        status = SVATEST_ST_OK;
    }
    stl_le_p(raw + offsetof(struct svatest_completion, status), status);
    stl_le_p(raw + offsetof(struct svatest_completion, tag), ch->desc.tag);
    stq_le_p(raw + offsetof(struct svatest_completion, bytes), ch->done);
    stq_le_p(raw + offsetof(struct svatest_completion, result), ch->result);
    stl_le_p(raw + offsetof(struct svatest_completion, detail), ch->detail);
    stl_le_p(raw + body, ch->sequence + 1);
    ok = svatest_run_write(ch->s, run, raw, body);
    /* Who sees the sequence number change, in its own time, sees the rest. */
    smp_wmb();
    run->addr += body;
    return ok && svatest_run_write(ch->s, run, raw + body,
                                   sizeof(raw) - body);
}

static SVATestStep svatest_report(SVATestChannel *ch)
{
    uint32_t status = ch->status, detail = ch->detail;
    uint64_t result = ch->result;
    SVATestRequester who = ch->who;
    SVATestRun run;
    SVATestStep step;

    if (ch->reported || !(ch->desc.op_flags & SVATEST_F_COMPLETION)) {
        return SVATEST_DONE;
    }
    who.exec = false;
    step = svatest_access(ch, &who, ch->desc.completion,
                          sizeof(struct svatest_completion), false, true,
                          sizeof(struct svatest_completion), &run);
    /* What the command came to is not changed by that. */
    ch->status = status;
    ch->detail = detail;
    ch->result = result;
    if (step == SVATEST_WAIT) {
        return step;
    }
    if (step == SVATEST_FAIL || !svatest_completion_write(ch, &run)) {
        svatest_set_error(ch->s, SVATEST_ERR_COMPLETION);
    }
    ch->reported = true;
    return SVATEST_DONE;
}

static SVATestStep svatest_run(SVATestChannel *ch)
{
    SVATestStep step;

    if (ch->s->lie & SVATEST_KL_EARLY) {
        step = svatest_report(ch);
        if (step != SVATEST_DONE) {
            return step;
        }
    }
    step = svatest_op_run(ch);
    if (step == SVATEST_FAIL || step == SVATEST_DONE) {
        if (step == SVATEST_DONE) {
            ch->status = SVATEST_ST_OK;
        }
        ch->response = PCI_SVA_RESP_SUCCESS;
        ch->phase = SVATEST_PHASE_COMPLETE;
        return SVATEST_DONE;
    }
    return step;
}

static void svatest_imm_finish(SVATestChannel *ch)
{
    ch->imm_detail = ch->detail;
    ch->imm_bytes = ch->done;
    ch->imm_result = ch->result;
    ch->imm_status = SVATEST_IMM_DONE | ch->status;
}

static SVATestStep svatest_complete(SVATestChannel *ch)
{
    SVATestStep step = svatest_report(ch);

    if (step != SVATEST_DONE) {
        return step;
    }
    ch->sequence++;
    svatest_count(ch->s, SVATEST_CNT_COMMANDS, 1);
    if (ch->status != SVATEST_ST_OK) {
        ch->last_error = ch->status;
    }
    if (ch->immediate) {
        svatest_imm_finish(ch);
    } else {
        ch->head = (ch->head + 1) & ((1u << ch->ring_lg2) - 1);
    }
    ch->phase = SVATEST_PHASE_HEAD;
    return SVATEST_DONE;
}

/* The interrupt comes after the head, or software would find nothing done. */
static SVATestStep svatest_head(SVATestChannel *ch)
{
    bool irq = ch->desc.op_flags & SVATEST_F_IRQ;
    uint64_t head = cpu_to_le64(ch->head);
    SVATestRun run;
    SVATestStep step;

    if (!ch->immediate && ch->head_addr) {
        svatest_who_channel(ch, &ch->who, ch->flags & SVATEST_CF_RING_PASID);
        step = svatest_access(ch, &ch->who, ch->head_addr, sizeof(head), false,
                              true, sizeof(head), &run);
        if (step == SVATEST_WAIT) {
            return step;
        }
        if (step == SVATEST_FAIL ||
            !svatest_run_write(ch->s, &run, &head, sizeof(head))) {
            svatest_set_error(ch->s, SVATEST_ERR_COMPLETION);
        }
    }
    svatest_command_clear(ch);
    if (irq) {
        svatest_coalesce(ch);
    }
    return SVATEST_DONE;
}

/* Take up the next command, immediate ones first. */
static bool svatest_next(SVATestChannel *ch)
{
    if (!svatest_can_run(ch)) {
        return false;
    }
    if (ch->imm_pending) {
        ch->imm_pending = false;
        ch->immediate = true;
        svatest_desc_load(ch, ch->imm_desc);
        ch->phase = SVATEST_PHASE_START;
        return true;
    }
    if (ch->ring_lg2 && !ch->ring_error && ch->head != ch->tail) {
        ch->immediate = false;
        ch->phase = SVATEST_PHASE_FETCH;
        return true;
    }
    /* Nobody else would ever reach the count. */
    if (ch->completions && !(ch->coalesce >> 16)) {
        svatest_signal(ch);
    }
    return false;
}

static SVATestStep svatest_step(SVATestChannel *ch)
{
    switch (ch->phase) {
    case SVATEST_PHASE_FETCH:
        return svatest_fetch(ch);
    case SVATEST_PHASE_START:
        return svatest_start(ch);
    case SVATEST_PHASE_RUN:
        return svatest_run(ch);
    case SVATEST_PHASE_COMPLETE:
        return svatest_complete(ch);
    default:
        return svatest_head(ch);
    }
}

/* One command, or what is left of it. False when the channel cannot go on. */
static bool svatest_channel_run(SVATestChannel *ch)
{
    if (ch->phase == SVATEST_PHASE_IDLE && !svatest_next(ch)) {
        return false;
    }
    if (svatest_waiting(ch)) {
        int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

        if (ch->groups || ch->waits_credit || now < ch->wake) {
            return false;
        }
    }
    ch->resp_deadline = SVATEST_NO_DEADLINE;
    do {
        SVATestStep step = svatest_step(ch);

        if (step == SVATEST_WAIT) {
            return false;
        }
        if (step == SVATEST_MORE) {
            break;
        }
    } while (ch->phase != SVATEST_PHASE_IDLE);
    return true;
}

/* Earliest time at which something is due by itself. */
static void svatest_arm(SVATestState *s)
{
    int64_t due = svatest_atc_next_due(s);

    for (unsigned i = 0; i < s->num_channels; i++) {
        SVATestChannel *ch = &s->channel[i];

        due = MIN(due, MIN(ch->wake, ch->intr_deadline));
        if (ch->groups) {
            due = MIN(due, ch->resp_deadline);
        }
    }
    if (due == SVATEST_NO_DEADLINE) {
        timer_del(s->timer);
    } else {
        timer_mod(s->timer, due);
    }
}

void svatest_slice(void *opaque)
{
    SVATestState *s = opaque;
    unsigned commands = s->slice_cmds;
    bool progress;

    s->budget = s->slice_bytes;
    svatest_count(s, SVATEST_CNT_SLICES, 1);
    do {
        progress = false;
        for (unsigned i = 0; i < s->num_channels && commands; i++) {
            unsigned n = (s->next_channel + i) % s->num_channels;

            if (s->budget && svatest_channel_run(&s->channel[n])) {
                progress = true;
                commands--;
            }
        }
        s->next_channel = (s->next_channel + 1) % s->num_channels;
    } while (progress && commands && s->budget);
    if (progress) {
        svatest_kick(s);
    }
    svatest_arm(s);
}

static void svatest_resp_timeout(SVATestChannel *ch)
{
    svatest_pri_orphan(ch->s, ch->index);
    ch->groups = 0;
    ch->resp_deadline = SVATEST_NO_DEADLINE;
    if (ch->phase == SVATEST_PHASE_RUN) {
        svatest_fail(ch, SVATEST_ST_TIMEOUT, ch->pr_page, 0);
        ch->phase = SVATEST_PHASE_COMPLETE;
        return;
    }
    /* Ring, completion or head: the access fails when it is tried again. */
    ch->response = PCI_SVA_RESP_FAILURE;
}

void svatest_timer(void *opaque)
{
    SVATestState *s = opaque;
    int64_t now = qemu_clock_get_ns(QEMU_CLOCK_VIRTUAL);

    svatest_atc_release(s, now);
    for (unsigned i = 0; i < s->num_channels; i++) {
        SVATestChannel *ch = &s->channel[i];

        if (ch->groups && now >= ch->resp_deadline) {
            svatest_resp_timeout(ch);
        }
        if (now >= ch->intr_deadline) {
            svatest_signal(ch);
        }
    }
    svatest_kick(s);
}

/*
 * End the command of a channel at once, without another access to memory: no
 * completion, no head. Software learns it from the registers.
 */
void svatest_abort(SVATestChannel *ch)
{
    SVATestState *s = ch->s;

    svatest_pri_orphan(s, ch->index);
    if (ch->phase == SVATEST_PHASE_IDLE) {
        return;
    }
    /* One that waits for the head is complete already. */
    if (ch->phase != SVATEST_PHASE_HEAD) {
        svatest_count(s, SVATEST_CNT_COMMANDS, 1);
        ch->last_error = SVATEST_ST_ABORTED;
        if (ch->immediate) {
            ch->status = SVATEST_ST_ABORTED;
            svatest_imm_finish(ch);
        } else {
            ch->head = (ch->head + 1) & ((1u << ch->ring_lg2) - 1);
        }
    }
    svatest_command_clear(ch);
    svatest_kick(s);
}

void svatest_channel_set_flags(SVATestChannel *ch, uint32_t flags)
{
    bool was = ch->flags & SVATEST_CF_ENABLE;

    if (was && !(flags & SVATEST_CF_ENABLE)) {
        svatest_abort(ch);
        if (ch->imm_pending) {
            ch->imm_pending = false;
            ch->imm_status = SVATEST_IMM_DONE | SVATEST_ST_ABORTED;
        }
    } else if (!was && (flags & SVATEST_CF_ENABLE)) {
        ch->head = 0;
        ch->tail = 0;
        ch->ring_error = false;
        ch->completions = 0;
        ch->intr_deadline = SVATEST_NO_DEADLINE;
    }
    ch->flags = flags;
    svatest_kick(ch->s);
}

void svatest_imm_start(SVATestChannel *ch)
{
    if (ch->imm_status & SVATEST_IMM_BUSY) {
        return;
    }
    if (!svatest_can_run(ch)) {
        ch->imm_status = SVATEST_IMM_DONE | SVATEST_ST_ABORTED;
        return;
    }
    ch->imm_status = SVATEST_IMM_BUSY;
    ch->imm_pending = true;
    svatest_kick(ch->s);
}

void svatest_channel_reset(SVATestState *s, unsigned index)
{
    SVATestChannel *ch = &s->channel[index];

    memset(ch, 0, sizeof(*ch));
    ch->s = s;
    ch->index = index;
    ch->prg_pages = 1;
    ch->intr_deadline = SVATEST_NO_DEADLINE;
    svatest_command_clear(ch);
}
