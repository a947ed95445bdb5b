/*
 * Bare-metal driver of svatest for its qtests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "svatest-drv.h"

#define CHANNEL         SVATEST_R_CHANNEL(0)
#define DOORBELL        SVATEST_R_DOORBELL(0)
#define POLLS           200     /* a command of ours takes one or two */

#define CAP_ATS         0x0f
#define CAP_PRI         0x13
#define CAP_PASID       0x1b

uint32_t sva_dev_readl(SvaDev *d, unsigned reg)
{
    return qtest_readl(d->s->qts, d->bar[SVATEST_BAR_REGS] + reg);
}

void sva_dev_writel(SvaDev *d, unsigned reg, uint32_t value)
{
    qtest_writel(d->s->qts, d->bar[SVATEST_BAR_REGS] + reg, value);
}

uint64_t sva_dev_counter(SvaDev *d, unsigned which)
{
    unsigned reg = SVATEST_R_COUNTER(which);
    uint64_t low = sva_dev_readl(d, reg);

    return low | (uint64_t)sva_dev_readl(d, reg + 4) << 32;
}

static void set_channel(SvaDev *d, uint32_t flags)
{
    sva_dev_writel(d, CHANNEL + SVATEST_C_FLAGS, 0);
    sva_dev_writel(d, CHANNEL + SVATEST_C_FLAGS,
                   SVATEST_CF_ENABLE | SVATEST_CF_TRUSTED | flags);
}

/** sva_dev_init: place the BARs, enable the function and its channel 0 */
void sva_dev_init(SvaDev *d, Sva *s, uint16_t bdf)
{
    d->s = s;
    d->sid = bdf;
    sva_assign_bars(s, bdf, 0x10, d->bar);
    sva_cfg_writew(s, bdf, 0x04, 6);
    g_assert_cmphex(sva_dev_readl(d, SVATEST_R_MAGIC), ==, SVATEST_MAGIC);
    sva_dev_writel(d, SVATEST_R_CONTROL, SVATEST_CTRL_ENABLE);
    set_channel(d, 0);
}

void sva_dev_pasid(SvaDev *d, bool on)
{
    unsigned cap = sva_ext_cap(d->s, d->sid, CAP_PASID);

    g_assert_cmpuint(cap, !=, 0);
    /* execute and privileged as far as the function has them */
    sva_cfg_writew(d->s, d->sid, cap + 6,
                   on ? 1 | (sva_cfg_readw(d->s, d->sid, cap + 4) & 6) : 0);
}

void sva_dev_ats(SvaDev *d, bool on)
{
    unsigned cap = sva_ext_cap(d->s, d->sid, CAP_ATS);

    g_assert_cmpuint(cap, !=, 0);
    sva_cfg_writew(d->s, d->sid, cap + 6, on ? 0x8000 : 0);
    set_channel(d, on ? SVATEST_CF_ATS : 0);
}

/* Needs ATS on */
void sva_dev_pri(SvaDev *d, bool on)
{
    unsigned cap = sva_ext_cap(d->s, d->sid, CAP_PRI);

    g_assert_cmpuint(cap, !=, 0);
    if (on) {
        sva_cfg_writel(d->s, d->sid, cap + 0xc,
                       sva_cfg_readl(d->s, d->sid, cap + 8));
    }
    sva_cfg_writew(d->s, d->sid, cap + 4, on);
    set_channel(d, SVATEST_CF_ATS | (on ? SVATEST_CF_PRI : 0));
}

/** sva_issue: start an immediate command on channel 0 */
void sva_issue(SvaDev *d, const struct svatest_desc *desc)
{
    qtest_memwrite(d->s->qts, d->bar[SVATEST_BAR_REGS] + DOORBELL +
                   SVATEST_D_DESC, desc, sizeof(*desc));
    sva_dev_writel(d, DOORBELL + SVATEST_D_START, 1);
}

/** sva_result: wait for its end as long as the device has anything to do */
SvaResult sva_result(SvaDev *d)
{
    SvaResult r = { };
    int i;

    for (i = 0; i < POLLS; i++) {
        uint32_t status = sva_dev_readl(d, DOORBELL + SVATEST_D_STATUS);

        if (status & SVATEST_IMM_DONE) {
            r.status = SVATEST_IMM_STATUS(status);
            r.detail = sva_dev_readl(d, DOORBELL + SVATEST_D_DETAIL);
            r.bytes = sva_dev_readl(d, DOORBELL + SVATEST_D_BYTES);
            r.result = sva_dev_readl(d, DOORBELL + SVATEST_D_RESULT) |
                (uint64_t)sva_dev_readl(d, DOORBELL + SVATEST_D_RESULT + 4)
                << 32;
            break;
        }
        if (sva_dev_readl(d, DOORBELL + SVATEST_D_STATE) ==
            SVATEST_STATE_WAIT_PRG) {
            break;
        }
    }
    return r;
}

SvaResult sva_run(SvaDev *d, const struct svatest_desc *desc)
{
    sva_issue(d, desc);
    return sva_result(d);
}

uint32_t sva_desc_pasid(uint32_t pasid)
{
    return pasid == NO_PASID ? 0 : SVATEST_DP_VALID | pasid;
}

/**
 * sva_access: one access of 8 bytes
 *
 * Returns: whether it reached memory.
 */
bool sva_access(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned how)
{
    struct svatest_desc desc = {
        .pasid = sva_desc_pasid(pasid),
        .length = 8,
    };
    SvaResult r;

    if (how & A_ATOMIC) {
        desc.op_flags = SVATEST_OP_ATOMIC;
        desc.dst = addr;
        desc.imm = 1;
        desc.aux = SVATEST_ATOMIC_ADD;
    } else if (how & A_WRITE) {
        desc.op_flags = SVATEST_OP_WRITE;
        desc.src = 64;
        desc.dst = addr;
    } else {
        desc.op_flags = SVATEST_OP_READ;
        desc.src = addr;
    }
    desc.op_flags |= (how & A_ATS ? 0 : how & A_RAW ? SVATEST_F_TRANSLATED :
                      SVATEST_F_UNTRANSLATED) |
                     (how & A_PRIV ? SVATEST_F_PRIV : 0) |
                     (how & A_EXEC ? SVATEST_F_EXEC : 0);
    r = sva_run(d, &desc);
    if (r.status == SVATEST_ST_OK) {
        return true;
    }
    g_assert_cmphex(r.status, ==, how & A_ATS ? SVATEST_ST_NO_RIGHT :
                    SVATEST_ST_ACCESS);
    g_assert_cmphex(r.result, ==, addr);
    return false;
}

/** sva_peek: what the device reads at an address */
uint64_t sva_peek(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned how)
{
    if (!sva_access(d, pasid, addr, (how & ~A_WRITE) | A_READ)) {
        SvaFault f;

        if (vtd_fault_next(d->s, &f)) {
            g_test_message("read of 0x%" PRIx64 " faulted: 0x%x", addr,
                           f.reason);
        }
        g_assert_not_reached();
    }
    return qtest_readq(d->s->qts, d->bar[SVATEST_BAR_MEM]);
}

/** sva_xlate: one translation request; @aux are the wanted rights */
SvaResult sva_xlate(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned aux,
                    uint32_t flags)
{
    return sva_run(d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_XLATE | flags,
        .pasid = sva_desc_pasid(pasid), .src = addr, .aux = aux,
    });
}

/** sva_page_request: raw page request messages */
void sva_page_request(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned count,
                      uint64_t aux)
{
    SvaResult r = sva_run(d, &(struct svatest_desc) {
        .op_flags = SVATEST_OP_PAGEREQ, .pasid = sva_desc_pasid(pasid),
        .src = addr, .length = count, .aux = aux,
    });

    g_assert_cmphex(r.status, ==, SVATEST_ST_OK);
}
