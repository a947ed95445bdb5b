/*
 * Intel VT-d with nested translation, PASIDs and page requests: internals
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Field positions follow chapters 9 (translation structures), 6.5
 * (invalidation descriptors), 7 (faults and page requests) and 11 (registers)
 * of the VT-d specification, revision 4.
 *
 * Locking: IntelIOMMUState.iommu_lock protects the caches and the fault
 * records, since requests without PASID may come from an I/O thread. All the
 * rest is touched under the BQL only. No endpoint is called with iommu_lock
 * held.
 */

#ifndef HW_I386_INTEL_IOMMU_SVA_INTERNAL_H
#define HW_I386_INTEL_IOMMU_SVA_INTERNAL_H

#include "qemu/bitops.h"
#include "qemu/queue.h"
#include "qemu/timer.h"
#include "qemu/units.h"
#include "hw/pci/pci_sva.h"

#define SVA_REGION_SIZE     0x1000
#define SVA_NR_FRCD         8
#define SVA_HAW             48          /* host address width */
#define SVA_ADDR_MASK       MAKE_64BIT_MASK(12, SVA_HAW - 12)
#define SVA_ENTRY_ADDR      MAKE_64BIT_MASK(12, 40)
#define SVA_PASID_BITS      20
#define SVA_IOTLB_MAX       65536
#define SVA_WALK_RETRIES    64
#define SVA_PENDING_MAX     256         /* invalidations under way */
#define SVA_FABRIC_MAX      65536       /* page requests under way */

#define SVA_REG_IQER        0xb0

/* Capabilities beyond those that the rest of the unit knows */
#define VTD_SVA_CAP_ZLR     BIT_ULL(22)
#define VTD_SVA_CAP_FS5LP   BIT_ULL(60)
#define VTD_SVA_CAP_ESRTPS  BIT_ULL(63)
#define VTD_SVA_ECAP_C      BIT_ULL(0)
#define VTD_SVA_ECAP_NEST   BIT_ULL(26)
#define VTD_SVA_ECAP_PRS    BIT_ULL(29)
#define VTD_SVA_ECAP_NWFS   BIT_ULL(33)
#define VTD_SVA_ECAP_PSS    (19ULL << 35)
#define VTD_SVA_ECAP_DIT    BIT_ULL(41)
#define VTD_SVA_ECAP_PDS    BIT_ULL(42)
#define VTD_SVA_ECAP_SSADS  BIT_ULL(45)
#define VTD_SVA_ECAP_SMPWCS BIT_ULL(48)
#define VTD_SVA_ECAP_RPS    BIT_ULL(49)
#define VTD_SVA_ECAP_ADMS   BIT_ULL(52)

/* Translation table mode, RTADDR_REG bits 11:10 */
enum { SVA_TTM_LEGACY, SVA_TTM_SCALABLE, SVA_TTM_RESERVED, SVA_TTM_ABORT };

/* FSTS_REG beyond the bits that the rest of the unit knows */
#define SVA_FSTS_ICE        BIT(5)
#define SVA_FSTS_ITE        BIT(6)
#define SVA_FSTS_ERRORS     (VTD_FSTS_PFO | VTD_FSTS_PPF | VTD_FSTS_IQE | \
                             SVA_FSTS_ICE | SVA_FSTS_ITE)

/* PRS_REG, PECTL_REG */
#define SVA_PRS_PPR         BIT(0)
#define SVA_PRS_PRO         BIT(1)
#define SVA_PECTL_IM        BIT(31)
#define SVA_PECTL_IP        BIT(30)
#define SVA_PQ_OFFSET       0x7ffe0ULL

/* Scalable-mode context entry */
#define SVA_CE_P            BIT_ULL(0)
#define SVA_CE_FPD          BIT_ULL(1)
#define SVA_CE_DTE          BIT_ULL(2)
#define SVA_CE_PASIDE       BIT_ULL(3)
#define SVA_CE_PRE          BIT_ULL(4)
#define SVA_CE_PDTS(v)      extract64(v, 9, 3)
#define SVA_CE_RID_PASID    MAKE_64BIT_MASK(0, SVA_PASID_BITS)

/* PASID table entry: 0-2 name the quadword */
#define SVA_PE_P            BIT_ULL(0)
#define SVA_PE_FPD          BIT_ULL(1)
#define SVA_PE0_AW(v)       extract64(v, 2, 3)
#define SVA_PE0_PGTT(v)     extract64(v, 6, 3)
#define SVA_PE0_SSADE       BIT_ULL(9)
#define SVA_PE0_RSVD        (BIT_ULL(5) | MAKE_64BIT_MASK(10, 2))
#define SVA_PE1_DID(v)      extract64(v, 0, 16)
#define SVA_PE1_PWSNP       BIT_ULL(23)
#define SVA_PE1_RSVD        (MAKE_64BIT_MASK(16, 7) | MAKE_64BIT_MASK(25, 5))
#define SVA_PE2_SRE         BIT_ULL(0)
#define SVA_PE2_FSPM(v)     extract64(v, 2, 2)
#define SVA_PE2_WPE         BIT_ULL(4)
#define SVA_PE2_NXE         BIT_ULL(5)
#define SVA_PE2_SMEP        BIT_ULL(6)
#define SVA_PE2_RSVD        (BIT_ULL(1) | MAKE_64BIT_MASK(7, 5))

enum { SVA_PGTT_FIRST = 1, SVA_PGTT_SECOND, SVA_PGTT_NESTED, SVA_PGTT_PT };

/* First-stage entry */
#define SVA_FS_P            BIT_ULL(0)
#define SVA_FS_RW           BIT_ULL(1)
#define SVA_FS_US           BIT_ULL(2)
#define SVA_FS_A            BIT_ULL(5)
#define SVA_FS_D            BIT_ULL(6)
#define SVA_PS              BIT_ULL(7)  /* of both stages */
#define SVA_FS_G            BIT_ULL(8)
#define SVA_FS_XD           BIT_ULL(63)

/* Second-stage entry */
#define SVA_SS_R            BIT_ULL(0)
#define SVA_SS_W            BIT_ULL(1)
#define SVA_SS_A            BIT_ULL(8)
#define SVA_SS_D            BIT_ULL(9)

/* Fault reasons of scalable mode, and those of legacy mode that occur here */
typedef enum VTDSvaFault {
    SVA_OK                  = 0x00,
    SVA_LEGACY_CTX_INVALID  = 0x03,
    SVA_LEGACY_SS_ACCESS    = 0x07,
    SVA_LEGACY_ROOT_ACCESS  = 0x08,
    SVA_LEGACY_CTX_ACCESS   = 0x09,
    SVA_LEGACY_SS_RSVD      = 0x0c,
    SVA_LEGACY_CTX_TT       = 0x0d,
    SVA_LEGACY_INTERRUPT    = 0x0e,
    SVA_RT_INVALID          = 0x30,
    SVA_TTM_PASID           = 0x31,
    SVA_TTM_PAGE_REQUEST    = 0x32,
    SVA_ROOT_ACCESS         = 0x38,
    SVA_ROOT_P              = 0x39,
    SVA_ROOT_RSVD           = 0x3a,
    SVA_CTX_ACCESS          = 0x40,
    SVA_CTX_P               = 0x41,
    SVA_CTX_RSVD            = 0x42,
    SVA_CTX_DTE             = 0x44,
    SVA_CTX_PASIDE          = 0x45,
    SVA_CTX_PASID_LIMIT     = 0x46,
    SVA_CTX_PRE             = 0x47,
    SVA_CTX_RID_PASID       = 0x48,
    SVA_DIR_ACCESS          = 0x50,
    SVA_DIR_P               = 0x51,
    SVA_DIR_RSVD            = 0x52,
    SVA_PASID_ACCESS        = 0x58,
    SVA_PASID_P             = 0x59,
    SVA_PASID_RSVD          = 0x5a,
    SVA_PASID_INVALID       = 0x5b,
    SVA_PASID_SRE           = 0x5d,
    SVA_FS_ACCESS           = 0x70,
    SVA_FS_NP               = 0x71,
    SVA_FS_RSVD             = 0x72,
    SVA_FS_TOP_ACCESS       = 0x73,
    SVA_NEST_TABLE_LIMIT    = 0x74,
    SVA_NEST_TOP_READ       = 0x75,
    SVA_NEST_TABLE_READ     = 0x76,
    SVA_NEST_TABLE_WRITE    = 0x77,
    SVA_SS_ACCESS           = 0x78,
    SVA_SS_RIGHT            = 0x79,
    SVA_SS_RSVD             = 0x7a,
    SVA_SS_TOP_ACCESS       = 0x7b,
    SVA_SS_AD_SNOOP         = 0x7c,
    SVA_NOT_CANONICAL       = 0x80,
    SVA_USER                = 0x81,
    SVA_EXECUTE             = 0x82,
    SVA_OUTPUT_LIMIT        = 0x83,
    SVA_INPUT_LIMIT         = 0x84,
    SVA_WRITE               = 0x85,
    SVA_READ                = 0x86,
    SVA_INTERRUPT_RANGE     = 0x87,
    SVA_FS_AD_SNOOP         = 0x90,
    SVA_FS_AD_FAILED        = 0x91,
} VTDSvaFault;

/**
 * VTDSvaRequest: one request for one page
 *
 * @sid: requester id
 * @pasid: or PCI_NO_PASID
 * @page_request: a page request message, not a memory request
 * @quiet: look at memory only, change nothing: no cache, no A/D, no record
 * @fpd: set by the engine when a table says that faults are not to be recorded
 */
typedef struct VTDSvaRequest {
    uint16_t sid;
    uint32_t pasid;
    uint64_t addr;
    PCISVAType type;
    bool read;
    bool write;
    bool exec;
    bool priv;
    bool no_write;
    bool atomic;
    bool page_request;
    bool quiet;
    bool fpd;
} VTDSvaRequest;

/* VTDSvaContext: a present, checked context entry, in legacy mode all of it */
typedef struct VTDSvaContext {
    uint64_t val[2];
} VTDSvaContext;

/**
 * VTDSvaPasid: a present, checked PASID table entry
 *
 * @sid, @pasid: who it belongs to; @pasid is the effective one, so requests
 *               without PASID find it by the RID_PASID
 * @val: first three quadwords
 * @legacy: made of a context entry of legacy mode, @pasid is PCI_NO_PASID
 */
typedef struct VTDSvaPasid {
    uint16_t sid;
    uint32_t pasid;
    uint64_t val[3];
    bool fpd;
    bool legacy;
} VTDSvaPasid;

/**
 * VTDSvaPage: what a walk found
 *
 * @phys: physical address of the page
 * @shift: its size is 1 << @shift
 * @read, @write: rights of all stages; supervisor writes with WPE clear look at
 *                @ss_write only
 * @ss_write: write right of the second stage, if there is a first one
 * @user, @xd: first-stage attributes
 * @dirty: no dirty bit has to be set by a further write
 */
typedef struct VTDSvaPage {
    hwaddr phys;
    uint8_t shift;
    bool read;
    bool write;
    bool ss_write;
    bool user;
    bool xd;
    bool global;
    bool dirty;
} VTDSvaPage;

/**
 * VTDSvaTlbKey: tag of a cached translation. Has no padding: keys are compared
 * as memory.
 *
 * @pasid: PCI_NO_PASID for second-stage translations, which do not depend on it
 * @rid: requester id if the tags contain it, else 0
 */
typedef struct VTDSvaTlbKey {
    uint64_t pfn;           /* in units of 1 << shift */
    uint32_t pasid;
    uint16_t did;
    uint16_t rid;
    uint64_t shift;
} VTDSvaTlbKey;

typedef struct VTDSvaTlbEntry {
    VTDSvaTlbKey key;
    VTDSvaPage page;
} VTDSvaTlbEntry;

/**
 * VTDSvaTable: a leaf first-stage table known to the walk cache
 *
 * @key: as in the IOTLB, with the size of the region the table maps
 * @table: physical address of the table
 * @gpa: where the entry above says it is, the same unless nested
 * @ss_write: second-stage write right on it
 * @rw, @us, @xd: accumulated attributes of the entries above
 */
typedef struct VTDSvaTable {
    VTDSvaTlbKey key;
    hwaddr table;
    hwaddr gpa;
    bool ss_write;
    bool rw;
    bool us;
    bool xd;
} VTDSvaTable;

/* VTDSvaEndpoint: an endpoint that attached itself. Protected by the BQL. */
typedef struct VTDSvaEndpoint {
    PCIDevice *dev;
    const PCISVAEndpointOps *ops;
    void *opaque;
    QLIST_ENTRY(VTDSvaEndpoint) next;
} VTDSvaEndpoint;

/* VTDSvaInv: an invalidation that an endpoint has not completed yet */
typedef struct VTDSvaInv {
    VTDSvaEndpoint *ep;
    uint16_t sid;
    uint32_t cookie;
    int64_t deadline;
    QTAILQ_ENTRY(VTDSvaInv) next;
} VTDSvaInv;

/* VTDSvaStall: why the invalidation queue does not go on */
typedef enum VTDSvaStall {
    SVA_STALL_NONE,
    SVA_STALL_WAIT,         /* the wait descriptor at the head waits */
    SVA_STALL_DEPTH,        /* endpoints accept no more invalidations */
} VTDSvaStall;

/* VTDSvaMessage: a page request or an automatic response on its way */
typedef struct VTDSvaMessage {
    VTDSvaEndpoint *ep;
    PCISVAPageRequest req;
    uint8_t code;
    int64_t due;
    QSIMPLEQ_ENTRY(VTDSvaMessage) next;
} VTDSvaMessage;

typedef QSIMPLEQ_HEAD(, VTDSvaMessage) VTDSvaMessages;

/* VTDSvaState: everything the engine has beyond the registers of the unit */
struct VTDSvaState {
    /* Latched by SRTP */
    uint64_t rtaddr;
    uint8_t ttm;

    /* Protected by iommu_lock */
    GHashTable *contexts;       /* requester id -> VTDSvaContext */
    GHashTable *pasids;         /* requester id and PASID -> VTDSvaPasid */
    GHashTable *iotlb;          /* VTDSvaTlbKey -> VTDSvaTlbEntry */
    GHashTable *tables;         /* VTDSvaTlbKey -> VTDSvaTable */
    bool tag_rid;
    uint64_t frcd[SVA_NR_FRCD][2];
    unsigned next_frcd;
    PCISVAStats stats;

    /* Protected by the BQL */
    QLIST_HEAD(, VTDSvaEndpoint) endpoints;
    QTAILQ_HEAD(, VTDSvaInv) pending;
    uint32_t next_cookie;
    bool fetching;              /* vtd_sva_fetch() is on the stack */
    unsigned num_pending;
    VTDSvaStall stall;
    QEMUTimer *inv_timer;
    VTDSvaMessages fabric;      /* page requests on their way to the unit */
    unsigned num_fabric;
    QEMUTimer *fabric_timer;
    VTDSvaMessages responses;   /* automatic responses on their way back */
    QEMUBH *response_bh;
    Error *migration_blocker;
};

/* What the rest of the unit calls; without an engine these do nothing. */
static bool vtd_sva_owns(IntelIOMMUState *s);
static void vtd_sva_set_root(IntelIOMMUState *s);
static void vtd_sva_reset_caches(IntelIOMMUState *s);
static bool vtd_sva_rid_translate(VTDAddressSpace *vtd_as, hwaddr addr,
                                  bool is_write, IOMMUTLBEntry *entry);
static void vtd_sva_record_frcd(IntelIOMMUState *s, uint64_t hi, uint64_t lo);
static void vtd_sva_fetch(IntelIOMMUState *s);
static bool vtd_sva_mem_read(IntelIOMMUState *s, hwaddr addr, unsigned size,
                             uint64_t *val);
static bool vtd_sva_mem_write(IntelIOMMUState *s, hwaddr addr, uint64_t val,
                              unsigned size);

#endif
