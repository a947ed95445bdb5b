/*
 * Bare-metal driver of svatest for its qtests
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef TESTS_QTEST_SVATEST_DRV_H
#define TESTS_QTEST_SVATEST_DRV_H

#include "svatest-vtd.h"
#include "standard-headers/misc/svatest.h"

/** SvaDev: one function of the device; channel 0 is trusted and immediate */
typedef struct SvaDev {
    Sva *s;
    uint16_t sid;
    uint64_t bar[6];
} SvaDev;

/* The machine that most cases use: two endpoints of the root complex */
#define SVA_UNIT "-device intel-iommu,intremap=on,eim=on,x-scalable-mode=on," \
                 "x-nested=on,device-iotlb=on"
#define SVA_MACHINE SVA_UNIT " -device svatest,id=t0,addr=4 " \
                    "-device svatest,id=t1,addr=5 "
#define SID0    BDF(0, 4, 0)
#define SID1    BDF(0, 5, 0)

/* Capabilities, the first two in the list of a conventional function */
#define CAP_PM      0x01
#define CAP_PCIE    0x10
#define CAP_MSIX    0x11
#define CAP_ACS     0x0d
#define CAP_ATS     0x0f
#define CAP_SRIOV   0x10
#define CAP_PRI     0x13
#define CAP_PASID   0x1b

#define ATS_ENABLE  0x8000      /* in ATS Control */

/* How to access */
#define A_READ      0x01u
#define A_WRITE     0x02u
#define A_EXEC      0x04u
#define A_PRIV      0x08u
#define A_ATOMIC    0x10u
#define A_ATS       0x20u   /* through the translation cache */
#define A_RAW       0x40u   /* as a translated request */

/** SvaResult: how an immediate command ended */
typedef struct SvaResult {
    uint32_t status;        /* SVATEST_ST_*; NONE: it has not ended */
    uint32_t detail;
    uint64_t bytes;
    uint64_t result;
} SvaResult;

void sva_dev_init(SvaDev *d, Sva *s, uint16_t bdf);
void sva_dev_start(SvaDev *d);
void sva_dev_pasid(SvaDev *d, bool on);
void sva_dev_ats(SvaDev *d, bool on);
void sva_dev_pri(SvaDev *d, bool on);
uint32_t sva_dev_readl(SvaDev *d, unsigned reg);
void sva_dev_writel(SvaDev *d, unsigned reg, uint32_t value);
uint64_t sva_dev_counter(SvaDev *d, unsigned which);
uint32_t sva_dev_errors(SvaDev *d);
void sva_dev_channel(SvaDev *d, unsigned n, unsigned reg, uint32_t value);
uint32_t sva_dev_state(SvaDev *d, unsigned n);
void sva_dev_msix(SvaDev *d, unsigned first);
void sva_dev_flr(SvaDev *d);
void sva_dev_sleep(SvaDev *d);

void sva_pri_control(SvaDev *d, uint16_t value);
uint16_t sva_pri_status(SvaDev *d);
void sva_pri_set_status(SvaDev *d, uint16_t value);
void sva_pri_allocate(SvaDev *d, uint32_t value);

void sva_issue_on(SvaDev *d, unsigned n, const struct svatest_desc *desc);
void sva_issue(SvaDev *d, const struct svatest_desc *desc);
SvaResult sva_result(SvaDev *d);
SvaResult sva_run(SvaDev *d, const struct svatest_desc *desc);
uint32_t sva_desc_pasid(uint32_t pasid);
bool sva_access(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned how);
uint64_t sva_peek(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned how);
void sva_ats_again(SvaDev *d);
SvaResult sva_xlate(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned aux,
                    uint32_t flags);
void sva_page_request(SvaDev *d, uint32_t pasid, uint64_t addr, unsigned count,
                      uint64_t aux);

/**
 * SvaEnv: SID0 with ATS on, and one page of a first-stage table
 *
 * The table belongs to ENV_PASID, to ENV_OTHER and to requests without PASID.
 */
typedef struct SvaEnv {
    Sva *s;
    SvaDev d;
    SvaTable fs;
    uint64_t old;       /* mapped at ENV_IOVA, holds ENV_OLD */
    uint64_t new;       /* not mapped, holds ENV_NEW */
    uint64_t leaf;      /* the entry that maps it */
    SvaEntry entry;
} SvaEnv;

#define ENV_PASID   0x9abcdu
#define ENV_OTHER   0x00011u
#define ENV_DID     5
#define ENV_IOVA    0x2468ace0b000ull
#define ENV_OLD     0x0101010101010101ull
#define ENV_NEW     0x0202020202020202ull

void sva_env_start(SvaEnv *e, const char *unit, const char *dev);
void sva_env_start_pri(SvaEnv *e, const char *unit);
uint64_t sva_env_map(SvaEnv *e, uint64_t iova);
uint64_t sva_env_count(SvaEnv *e, unsigned which);
SvaResult sva_env_run(SvaEnv *e, struct svatest_desc desc);
SvaResult sva_env_touch(SvaEnv *e, uint64_t addr, unsigned pages,
                        uint32_t flags);
unsigned sva_env_request(SvaEnv *e, uint64_t addr, bool last);
void sva_env_respond(SvaEnv *e, unsigned prgi, unsigned code);

uint64_t sva_garbage(Sva *s, GRand *rand);

void sva_add_seeds(const char *name, void (*fn)(const void *opaque));

/* A case for each element of a table that has names */
#define SVA_ADD_TABLE(group, table, fn) \
    for (size_t sva_i = 0; sva_i < ARRAY_SIZE(table); sva_i++) { \
        g_autofree char *sva_path = g_strdup_printf("/svatest/" group "/%s", \
                                                    table[sva_i].name); \
        qtest_add_data_func(sva_path, &table[sva_i], fn); \
    }

#endif
