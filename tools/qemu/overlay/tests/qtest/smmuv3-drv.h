/*
 * Bare-metal driver of an SMMUv3 for its qtests
 *
 * Sections are those of the architecture, IHI 0070.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_SMMUV3_DRV_H
#define TESTS_QTEST_SMMUV3_DRV_H

#include "qemu/bitops.h"
#include "libqtest.h"

#define IDR0                0x0000
#define IDR1                0x0004
#define IDR3                0x000c
#define CR0                 0x0020
#define GERROR              0x0060
#define STRTAB_BASE         0x0080
#define STRTAB_BASE_CFG     0x0088
#define CMDQ_BASE           0x0090
#define CMDQ_PROD           0x0098
#define CMDQ_CONS           0x009c
#define EVENTQ_BASE         0x00a0
#define EVENTQ_PROD         0x100a8
#define EVENTQ_CONS         0x100ac

#define CMD_CFGI_STE        0x03
#define CMD_CFGI_CD         0x05
#define CMD_CFGI_CD_ALL     0x06
#define CMD_NSNH_ALL        0x30

#define C_BAD_STE           0x04
#define F_STREAM_DISABLED   0x06
#define C_BAD_SUBSTREAMID   0x08
#define F_CD_FETCH          0x09
#define C_BAD_CD            0x0a
#define F_TRANSLATION       0x10
#define CLASS_CD            0
#define CLASS_TT            1
#define CLASS_IN            2

/* STE.Config */
#define STE_ABORT           0
#define STE_BYPASS          4
#define STE_STAGE_1         5
#define STE_STAGE_2         6
#define STE_BOTH            7

#define ECAM                0x3f000000ull
#define PAGE                0x1000ull

#define SMMU_MACHINE "-M virt-10.0,iommu=smmuv3,highmem-ecam=off -m 256M " \
                     "-nodefaults "

/** Smmu: the unit, its queues, and the entry of the stream that is tested */
typedef struct Smmu {
    QTestState *qts;
    uint32_t sid;       /* a function of bus 0 */
    uint64_t next;      /* page of RAM that is not in use */
    uint64_t ste;
    uint64_t cmdq;
    uint64_t eventq;
    unsigned eventq_bits;
    uint64_t s2;        /* level 1 table of stage 2 */
} Smmu;

/** smmu_start: a machine with these options, tables empty, the unit on */
void smmu_start(Smmu *m, const char *options, uint32_t sid,
                unsigned eventq_bits);

/** smmu_page: an empty page of the machine's memory */
uint64_t smmu_page(Smmu *m);
/** smmu_pages: some that are neighbours, aligned to their size */
uint64_t smmu_pages(Smmu *m, uint64_t size);

uint32_t smmu_reg(Smmu *m, unsigned offset);
void smmu_set_reg(Smmu *m, unsigned offset, uint32_t value);
void smmu_command(Smmu *m, uint64_t low, uint64_t high);

/** smmu_set_ste: 39 bits of IPAs; @low and @high are what else it has */
void smmu_set_ste(Smmu *m, unsigned config, uint64_t low, uint64_t high);
/** smmu_forget_ste: invalidate it, and all CDs that came by it */
void smmu_forget_ste(Smmu *m);

/** smmu_write_cd: TTB0 alone, with TCR's low bits as given */
void smmu_write_cd(Smmu *m, uint64_t cd, uint64_t tcr, uint64_t ttb,
                   uint16_t asid);

/** smmu_s2_map: a page of stage 2: readable, writable, accessed */
void smmu_s2_map(Smmu *m, uint64_t ipa, uint64_t addr);
void smmu_s2_unmap(Smmu *m, uint64_t ipa);

/** smmu_s1_table, smmu_s1_page: descriptors; a page is writable, accessed */
static inline uint64_t smmu_s1_table(uint64_t addr)
{
    return addr | 3;
}

static inline uint64_t smmu_s1_page(uint64_t addr)
{
    return addr | 0x443;
}

/** smmu_events: how many records software has not read */
unsigned smmu_events(Smmu *m);
/** smmu_event: quadword @n of the oldest one */
uint64_t smmu_event(Smmu *m, unsigned n);
/** smmu_drain: software has read all, and acknowledges an overflow */
void smmu_drain(Smmu *m);

/** smmu_config: address of a register in the function's configuration space */
static inline uint64_t smmu_config(Smmu *m, unsigned offset)
{
    return ECAM + ((uint64_t)m->sid << 12) + offset;
}

#endif
