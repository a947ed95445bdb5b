/*
 * svatest: registers and interrupts
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Accesses are 32 bits wide here; the memory core splits 64-bit ones, low half
 * first, and refuses all others.
 */

#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qemu/bswap.h"
#include "hw/pci/msix.h"
#include "svatest_internal.h"

static uint32_t svatest_vector(SVATestState *s, uint32_t cause)
{
    for (unsigned i = 0; i < s->num_channels; i++) {
        if (cause == SVATEST_INTR_CHANNEL(i)) {
            return s->channel[i].vector;
        }
    }
    return 0;
}

static void svatest_notify(SVATestState *s, uint32_t causes)
{
    for (; causes; causes &= causes - 1) {
        msix_notify(&s->parent_obj, svatest_vector(s, causes & -causes));
    }
}

void svatest_raise(SVATestState *s, uint32_t cause)
{
    s->cause |= cause;
    svatest_notify(s, cause & ~s->intr_mask);
}

void svatest_set_error(SVATestState *s, uint32_t bits)
{
    bool was = s->error;

    s->error |= bits;
    if (!was) {
        svatest_raise(s, SVATEST_INTR_ERROR);
    }
}

static void svatest_abort_all(SVATestState *s)
{
    for (unsigned i = 0; i < s->num_channels; i++) {
        svatest_abort(&s->channel[i]);
    }
}

void svatest_regs_reset(SVATestState *s, bool keep_knobs)
{
    s->control = 0;
    s->error = 0;
    s->cause = 0;
    s->intr_mask = 0;
    s->stop_pasid = 0;
    s->stop_status = 0;
    for (unsigned i = 0; i < SVATEST_MAX_CHANNELS; i++) {
        svatest_channel_reset(s, i);
    }
    if (keep_knobs) {
        return;
    }
    s->inv_ignore = 0;
    s->inv_hold = 0;
    s->resp_drop = 0;
    s->pr_flags = 0;
    s->pasid_xor = 0;
    s->devfn_offset = 0;
    s->lie = 0;
    s->slice_bytes = s->slice_bytes_prop;
    s->slice_cmds = 32;
}

/* The reset bit: as a function reset, but configuration space stays. */
static void svatest_soft_reset(SVATestState *s)
{
    bool keep = s->lie & SVATEST_KL_KEEP_FLR;

    svatest_pri_orphan(s, -1);
    if (!keep) {
        svatest_atc_clear(s);
    }
    svatest_regs_reset(s, keep);
}

static uint32_t svatest_features(SVATestState *s)
{
    SVATestState *pf = svatest_pf(s);

    return s->num_channels |
           (pf->pasid_cap ? (uint32_t)pf->pasid_bits << 8 : 0) |
           (s->parent_obj.exp.ats_cap ? SVATEST_FEAT_ATS : 0) |
           (pf->pri_cap ? SVATEST_FEAT_PRI : 0) |
           (pf->pasid_cap && pf->cap_exec ? SVATEST_FEAT_EXEC : 0) |
           (pf->pasid_cap && pf->cap_priv ? SVATEST_FEAT_PRIV : 0) |
           (pf != s ? SVATEST_FEAT_VF : 0) |
           (s->attached ? SVATEST_FEAT_UNIT : 0);
}

static uint32_t svatest_status(SVATestState *s)
{
    uint32_t val = s->control & SVATEST_CTRL_ENABLE ? SVATEST_STS_ENABLED : 0;

    for (unsigned i = 0; i < s->num_channels; i++) {
        if (svatest_channel_busy(&s->channel[i])) {
            val |= SVATEST_STS_BUSY;
        }
    }
    return val;
}

static void svatest_control_write(SVATestState *s, uint32_t val)
{
    if (val & SVATEST_CTRL_RESET) {
        svatest_soft_reset(s);
        return;
    }
    s->control = val & SVATEST_CTRL_ENABLE;
    if (val & SVATEST_CTRL_ABORT) {
        svatest_abort_all(s);
    }
    svatest_kick(s);
}

static uint32_t svatest_control_page_read(SVATestState *s, hwaddr addr)
{
    switch (addr) {
    case SVATEST_R_MAGIC:
        return SVATEST_MAGIC;
    case SVATEST_R_VERSION:
        return SVATEST_VERSION;
    case SVATEST_R_FEATURES:
        return svatest_features(s);
    case SVATEST_R_CONTROL:
        return s->control;
    case SVATEST_R_STATUS:
        return svatest_status(s);
    case SVATEST_R_ERROR:
        return s->error;
    case SVATEST_R_INTR_CAUSE:
        return s->cause;
    case SVATEST_R_INTR_MASK:
        return s->intr_mask;
    case SVATEST_R_PASID_STOP:
        return s->stop_pasid;
    case SVATEST_R_STOP_STATUS:
        return s->stop_status;
    default:
        return 0;
    }
}

static void svatest_intr_mask_write(SVATestState *s, uint32_t val)
{
    uint32_t opened = s->intr_mask & ~val;

    s->intr_mask = val & (0xff | SVATEST_INTR_STOPPED | SVATEST_INTR_ERROR);
    svatest_notify(s, s->cause & opened);
}

static void svatest_control_page_write(SVATestState *s, hwaddr addr,
                                       uint32_t val)
{
    switch (addr) {
    case SVATEST_R_CONTROL:
        svatest_control_write(s, val);
        break;
    case SVATEST_R_ERROR:
        s->error &= ~val;
        break;
    case SVATEST_R_INTR_CAUSE:
        s->cause &= ~val;
        break;
    case SVATEST_R_INTR_MASK:
        svatest_intr_mask_write(s, val);
        break;
    case SVATEST_R_PASID_STOP:
        if ((s->stop_status & SVATEST_STOP_BUSY) ||
            (val & ~(SVATEST_STOP_MARKER | SVATEST_PASID_MASK))) {
            svatest_set_error(s, SVATEST_ERR_CONFIG);
        } else {
            svatest_pasid_stop(s, val);
        }
        break;
    }
}

static uint32_t svatest_channel_read(SVATestChannel *ch, hwaddr reg)
{
    switch (reg) {
    case SVATEST_C_FLAGS:
        return ch->flags;
    case SVATEST_C_PASID:
        return ch->pasid;
    case SVATEST_C_RING_BASE:
        return ch->ring_base;
    case SVATEST_C_RING_BASE + 4:
        return ch->ring_base >> 32;
    case SVATEST_C_RING_SIZE:
        return ch->ring_lg2;
    case SVATEST_C_VECTOR:
        return ch->vector;
    case SVATEST_C_HEAD_ADDR:
        return ch->head_addr;
    case SVATEST_C_HEAD_ADDR + 4:
        return ch->head_addr >> 32;
    case SVATEST_C_PRG_PAGES:
        return ch->prg_pages;
    case SVATEST_C_RETRIES:
        return ch->retries;
    case SVATEST_C_COALESCE:
        return ch->coalesce;
    case SVATEST_C_TIMEOUT:
        return ch->timeout;
    default:
        return 0;
    }
}

/* False if the register does not take @val, which then changes nothing. */
static bool svatest_channel_write(SVATestChannel *ch, hwaddr reg, uint32_t val)
{
    SVATestState *s = ch->s;

    if (reg == SVATEST_C_FLAGS) {
        if ((val & ~SVATEST_CF_MASK) ||
            ((ch->flags & val & SVATEST_CF_ENABLE) && ch->flags != val)) {
            return false;
        }
        svatest_channel_set_flags(ch, val);
        return true;
    }
    if (ch->flags & SVATEST_CF_ENABLE) {
        return false;
    }
    switch (reg) {
    case SVATEST_C_PASID:
        if (val & ~(SVATEST_CP_VALID | SVATEST_CP_PRIV | SVATEST_CP_EXEC |
                    SVATEST_PASID_MASK)) {
            return false;
        }
        ch->pasid = val;
        return true;
    case SVATEST_C_RING_BASE:
        if (val % sizeof(struct svatest_desc)) {
            return false;
        }
        ch->ring_base = deposit64(ch->ring_base, 0, 32, val);
        return true;
    case SVATEST_C_RING_BASE + 4:
        ch->ring_base = deposit64(ch->ring_base, 32, 32, val);
        return true;
    case SVATEST_C_RING_SIZE:
        if (val > SVATEST_RING_SIZE_MAX) {
            return false;
        }
        ch->ring_lg2 = val;
        return true;
    case SVATEST_C_VECTOR:
        if (val > s->num_channels) {
            return false;
        }
        ch->vector = val;
        return true;
    case SVATEST_C_HEAD_ADDR:
        if (val % 8) {
            return false;
        }
        ch->head_addr = deposit64(ch->head_addr, 0, 32, val);
        return true;
    case SVATEST_C_HEAD_ADDR + 4:
        ch->head_addr = deposit64(ch->head_addr, 32, 32, val);
        return true;
    case SVATEST_C_PRG_PAGES:
        if (!val || val > SVATEST_GROUP_PAGES) {
            return false;
        }
        ch->prg_pages = val;
        return true;
    case SVATEST_C_RETRIES:
        ch->retries = val;
        return true;
    case SVATEST_C_COALESCE:
        ch->coalesce = val;
        return true;
    case SVATEST_C_TIMEOUT:
        ch->timeout = val;
        return true;
    default:
        return false;
    }
}

static uint32_t *svatest_knob(SVATestState *s, hwaddr addr)
{
    switch (addr) {
    case SVATEST_K_INV_IGNORE:
        return &s->inv_ignore;
    case SVATEST_K_INV_HOLD:
        return &s->inv_hold;
    case SVATEST_K_RESP_DROP:
        return &s->resp_drop;
    case SVATEST_K_PR_FLAGS:
        return &s->pr_flags;
    case SVATEST_K_PASID_XOR:
        return &s->pasid_xor;
    case SVATEST_K_DEVFN_OFFSET:
        return &s->devfn_offset;
    case SVATEST_K_LIE:
        return &s->lie;
    case SVATEST_K_SLICE_BYTES:
        return &s->slice_bytes;
    case SVATEST_K_SLICE_CMDS:
        return &s->slice_cmds;
    default:
        return NULL;
    }
}

static bool svatest_knob_valid(hwaddr addr, uint32_t val)
{
    switch (addr) {
    case SVATEST_K_PR_FLAGS:
        return val <= (SVATEST_KP_NO_LAST | SVATEST_KP_NO_PASID |
                       SVATEST_KP_PRIV | SVATEST_KP_EXEC |
                       SVATEST_KP_AFTER_STOP);
    case SVATEST_K_PASID_XOR:
        return val <= SVATEST_PASID_MASK;
    case SVATEST_K_DEVFN_OFFSET:
        return val <= 0xff;
    case SVATEST_K_LIE:
        return val <= (SVATEST_KL_EARLY | SVATEST_KL_KEEP_FLR);
    case SVATEST_K_SLICE_BYTES:
        return val && val <= SVATEST_MEM_SIZE;
    case SVATEST_K_SLICE_CMDS:
        return val && val <= 256;
    default:
        return true;
    }
}

static bool svatest_knob_write(SVATestState *s, hwaddr addr, uint32_t val)
{
    uint32_t *knob = svatest_knob(s, addr);

    if (addr == SVATEST_K_INV_DONE) {
        pci_sva_inv_done(&s->parent_obj, val);
        return true;
    }
    if (addr == SVATEST_K_CLEAR) {
        memset(s->counter, 0, sizeof(s->counter));
        return true;
    }
    if (!knob || !svatest_knob_valid(addr, val)) {
        return false;
    }
    *knob = val;
    if (addr == SVATEST_K_INV_HOLD && !val) {
        svatest_atc_release(s, SVATEST_NO_DEADLINE);
    }
    return true;
}

static uint64_t svatest_counter(SVATestState *s, unsigned which)
{
    PCISVAStats stats;

    if (which < SVATEST_CNT_UNIT_STALE) {
        return s->counter[which];
    }
    pci_sva_get_stats(&s->parent_obj, &stats);
    switch (which) {
    case SVATEST_CNT_UNIT_STALE:
        return stats.stale_hits;
    case SVATEST_CNT_UNIT_PFSID:
        return stats.pfsid_mismatches;
    case SVATEST_CNT_UNIT_UNEXPECTED:
        return stats.unexpected_completions;
    case SVATEST_CNT_UNIT_FAULTS:
        return stats.faults;
    case SVATEST_CNT_UNIT_PAGE_REQUESTS:
        return stats.page_requests;
    case SVATEST_CNT_UNIT_AUTO_RESPONSES:
        return stats.auto_responses;
    case SVATEST_CNT_UNIT_DESCRIPTORS:
        return stats.descriptors;
    default:
        return stats.waits;
    }
}

static uint32_t svatest_knob_page_read(SVATestState *s, hwaddr addr)
{
    uint32_t *knob = svatest_knob(s, addr);

    if (knob) {
        return *knob;
    }
    if (addr >= SVATEST_R_COUNTER(0) &&
        addr < SVATEST_R_COUNTER(SVATEST_CNT_NUM)) {
        return svatest_counter(s, (addr - SVATEST_R_COUNTER(0)) / 8) >>
               (addr & 4 ? 32 : 0);
    }
    return 0;
}

static uint32_t svatest_state(SVATestChannel *ch)
{
    if (!(ch->flags & SVATEST_CF_ENABLE) ||
        !(ch->s->control & SVATEST_CTRL_ENABLE)) {
        return SVATEST_STATE_HALTED;
    }
    if (ch->groups || ch->waits_credit) {
        return SVATEST_STATE_WAIT_PRG;
    }
    if (ch->ring_error) {
        return SVATEST_STATE_ERROR;
    }
    return svatest_channel_busy(ch) ? SVATEST_STATE_RUN : SVATEST_STATE_IDLE;
}

static uint32_t svatest_doorbell_read(SVATestChannel *ch, hwaddr reg)
{
    if (reg >= SVATEST_D_DESC &&
        reg < SVATEST_D_DESC + sizeof(ch->imm_desc)) {
        return ldl_le_p(ch->imm_desc + (reg - SVATEST_D_DESC));
    }
    switch (reg) {
    case SVATEST_D_TAIL:
        return ch->tail;
    case SVATEST_D_HEAD:
        return ch->head;
    case SVATEST_D_STATE:
        return svatest_state(ch);
    case SVATEST_D_ERROR:
        return ch->last_error;
    case SVATEST_D_STATUS:
        /*
         * Who polls waits anyway: a slice here saves the way to the main loop
         * and back, which costs more than a short command.
         */
        if (ch->imm_status & SVATEST_IMM_BUSY) {
            svatest_slice(ch->s);
        }
        return ch->imm_status;
    case SVATEST_D_DETAIL:
        return ch->imm_detail;
    case SVATEST_D_BYTES:
        return ch->imm_bytes;
    case SVATEST_D_BYTES + 4:
        return ch->imm_bytes >> 32;
    case SVATEST_D_RESULT:
        return ch->imm_result;
    case SVATEST_D_RESULT + 4:
        return ch->imm_result >> 32;
    default:
        return 0;
    }
}

/*
 * This page may belong to a process: a bad tail is ignored here and tells
 * nobody else. Bits that a 64-bit write adds are ignored as well.
 */
static void svatest_doorbell_write(SVATestChannel *ch, hwaddr reg,
                                   uint32_t val)
{
    if (reg >= SVATEST_D_DESC &&
        reg < SVATEST_D_DESC + sizeof(ch->imm_desc)) {
        stl_le_p(ch->imm_desc + (reg - SVATEST_D_DESC), val);
        return;
    }
    switch (reg) {
    case SVATEST_D_TAIL:
        if ((ch->flags & SVATEST_CF_ENABLE) && val < 1u << ch->ring_lg2) {
            ch->tail = val;
            svatest_kick(ch->s);
        }
        break;
    case SVATEST_D_START:
        if (val & 1) {
            svatest_imm_start(ch);
        }
        break;
    }
}

/* The channel whose registers hold @addr, with the offset in *@reg. */
static SVATestChannel *svatest_decode(SVATestState *s, hwaddr addr,
                                      hwaddr *reg)
{
    unsigned n;

    if (addr >= SVATEST_R_DOORBELL(0)) {
        n = (addr - SVATEST_R_DOORBELL(0)) / 0x1000;
        *reg = addr % 0x1000;
    } else {
        n = (addr - SVATEST_R_CHANNEL(0)) / 0x40;
        *reg = addr % 0x40;
    }
    return n < s->num_channels ? &s->channel[n] : NULL;
}

static uint64_t svatest_regs_read(void *opaque, hwaddr addr, unsigned size)
{
    SVATestState *s = opaque;
    SVATestChannel *ch;
    hwaddr reg;

    if (addr < SVATEST_R_CHANNEL(0)) {
        return svatest_control_page_read(s, addr);
    }
    if (addr >= SVATEST_R_KNOBS && addr < SVATEST_R_DOORBELL(0)) {
        return svatest_knob_page_read(s, addr);
    }
    ch = svatest_decode(s, addr, &reg);
    if (!ch) {
        return 0;
    }
    return addr < SVATEST_R_KNOBS ? svatest_channel_read(ch, reg) :
           svatest_doorbell_read(ch, reg);
}

static void svatest_regs_write(void *opaque, hwaddr addr, uint64_t val,
                               unsigned size)
{
    SVATestState *s = opaque;
    SVATestChannel *ch;
    hwaddr reg;

    if (addr < SVATEST_R_CHANNEL(0)) {
        svatest_control_page_write(s, addr, val);
        return;
    }
    if (addr >= SVATEST_R_KNOBS && addr < SVATEST_R_DOORBELL(0)) {
        if (!svatest_knob_write(s, addr, val)) {
            svatest_set_error(s, SVATEST_ERR_CONFIG);
        }
        return;
    }
    ch = svatest_decode(s, addr, &reg);
    if (!ch) {
        return;
    }
    if (addr >= SVATEST_R_DOORBELL(0)) {
        svatest_doorbell_write(ch, reg, val);
    } else if (!svatest_channel_write(ch, reg, val)) {
        svatest_set_error(s, SVATEST_ERR_CONFIG);
    }
}

const MemoryRegionOps svatest_regs_ops = {
    .read = svatest_regs_read,
    .write = svatest_regs_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};
