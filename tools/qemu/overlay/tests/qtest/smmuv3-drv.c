/*
 * Bare-metal driver of an SMMUv3 for its qtests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "smmuv3-drv.h"

#define SMMU        0x09050000ull
#define RAM         0x48000000ull
#define STREAMS     8               /* as a logarithm */

uint64_t smmu_pages(Smmu *m, uint64_t size)
{
    uint64_t addr = QEMU_ALIGN_UP(m->next, size);

    m->next = addr + size;
    qtest_memset(m->qts, addr, 0, size);
    return addr;
}

uint64_t smmu_page(Smmu *m)
{
    return smmu_pages(m, PAGE);
}

uint32_t smmu_reg(Smmu *m, unsigned offset)
{
    return qtest_readl(m->qts, SMMU + offset);
}

void smmu_set_reg(Smmu *m, unsigned offset, uint32_t value)
{
    qtest_writel(m->qts, SMMU + offset, value);
}

void smmu_command(Smmu *m, uint64_t low, uint64_t high)
{
    uint32_t prod = smmu_reg(m, CMDQ_PROD);

    qtest_writeq(m->qts, m->cmdq + (prod & 0xff) * 16, low);
    qtest_writeq(m->qts, m->cmdq + (prod & 0xff) * 16 + 8, high);
    smmu_set_reg(m, CMDQ_PROD, (prod + 1) & 0x1ff);
    g_assert_cmphex(smmu_reg(m, CMDQ_CONS), ==, (prod + 1) & 0x1ff);
}

/* The entry of a table of stage 2 for @ipa, which is made if there is none. */
static uint64_t s2_entry(Smmu *m, uint64_t ipa)
{
    uint64_t table = m->s2, entry, value;

    for (int shift = 30; shift > 12; shift -= 9) {
        entry = table + extract64(ipa, shift, 9) * 8;
        value = qtest_readq(m->qts, entry);
        if (!value) {
            value = smmu_page(m) | 3;
            qtest_writeq(m->qts, entry, value);
        }
        table = value & ~0xfffull;
    }
    return table + extract64(ipa, 12, 9) * 8;
}

void smmu_s2_map(Smmu *m, uint64_t ipa, uint64_t addr)
{
    qtest_writeq(m->qts, s2_entry(m, ipa), addr | 0x4c3);
}

void smmu_s2_unmap(Smmu *m, uint64_t ipa)
{
    qtest_writeq(m->qts, s2_entry(m, ipa), 0);
}

void smmu_forget_ste(Smmu *m)
{
    smmu_command(m, CMD_CFGI_STE | ((uint64_t)m->sid << 32), 1);
}

/* 5.2 Stream Table Entry */
void smmu_set_ste(Smmu *m, unsigned config, uint64_t low, uint64_t high)
{
    qtest_writeq(m->qts, m->ste + 8, high);
    /* S2T0SZ 25, S2SL0 1, S2PS 44 bits, AArch64, S2R; VMID 7 */
    qtest_writeq(m->qts, m->ste + 16,
                 7 | (25ull << 32) | (1ull << 38) | (4ull << 48) |
                 BIT_ULL(51) | BIT_ULL(58));
    qtest_writeq(m->qts, m->ste + 24, m->s2);
    qtest_writeq(m->qts, m->ste, low | (config << 1) | 1);
    smmu_forget_ste(m);
}

/* 5.4 Context Descriptor */
void smmu_write_cd(Smmu *m, uint64_t cd, uint64_t tcr, uint64_t ttb,
                   uint16_t asid)
{
    qtest_writeq(m->qts, cd + 8, ttb);
    /* EPD1, V; IPS 44 bits, AA64, R, A */
    qtest_writeq(m->qts, cd,
                 tcr | BIT_ULL(30) | BIT_ULL(31) | (4ull << 32) |
                 BIT_ULL(41) | BIT_ULL(45) | BIT_ULL(46) |
                 ((uint64_t)asid << 48));
}

void smmu_start(Smmu *m, const char *options, uint32_t sid,
                unsigned eventq_bits)
{
    uint64_t table;

    memset(m, 0, sizeof(*m));
    m->qts = qtest_initf(SMMU_MACHINE "%s", options);
    m->next = RAM;
    m->sid = sid;
    table = smmu_pages(m, 64ull << STREAMS);
    m->ste = table + sid * 64;
    m->cmdq = smmu_page(m);
    m->eventq = smmu_page(m);
    m->eventq_bits = eventq_bits;
    m->s2 = smmu_page(m);

    smmu_set_reg(m, STRTAB_BASE, table);
    smmu_set_reg(m, STRTAB_BASE + 4, 0);
    smmu_set_reg(m, STRTAB_BASE_CFG, STREAMS);
    smmu_set_reg(m, CMDQ_BASE, m->cmdq | 8);
    smmu_set_reg(m, CMDQ_BASE + 4, 0);
    smmu_set_reg(m, EVENTQ_BASE, m->eventq | eventq_bits);
    smmu_set_reg(m, EVENTQ_BASE + 4, 0);
    smmu_set_reg(m, CR0, 0xd);
}

unsigned smmu_events(Smmu *m)
{
    return (smmu_reg(m, EVENTQ_PROD) - smmu_reg(m, EVENTQ_CONS)) &
           (BIT(m->eventq_bits + 1) - 1);
}

uint64_t smmu_event(Smmu *m, unsigned n)
{
    unsigned index = smmu_reg(m, EVENTQ_CONS) & (BIT(m->eventq_bits) - 1);

    g_assert_cmpuint(smmu_events(m), >, 0);
    return qtest_readq(m->qts, m->eventq + index * 32 + n * 8);
}

void smmu_drain(Smmu *m)
{
    smmu_set_reg(m, EVENTQ_CONS, smmu_reg(m, EVENTQ_PROD));
}
