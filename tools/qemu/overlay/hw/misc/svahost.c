/*
 * A device of the host that is not there
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * svahost takes the place of a passed-through device in tests of a virtual
 * IOMMU: it implements HostIOMMUDeviceNesting, keeps a log of what it is asked
 * for, and plays page requests and faults. All of it is driven by registers in
 * BAR 0. It must not be given to a guest.
 *
 * The log and the registers that the thread of the device reads are protected
 * by a mutex of their own, all the rest by the BQL.
 */

#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "hw/pci/pci_device.h"
#include "hw/pci/pci_sva.h"
#include "hw/qdev-properties.h"
#include "migration/vmstate.h"
#include "system/host_iommu_nesting.h"

#define TYPE_SVAHOST "svahost"
OBJECT_DECLARE_SIMPLE_TYPE(SvaHost, SVAHOST)

#define TYPE_SVAHOST_IOMMU TYPE_HOST_IOMMU_DEVICE_NESTING "-svahost"
#define TYPE_SVAHOST_IOMMU_RID TYPE_SVAHOST_IOMMU "-rid"
#define TYPE_SVAHOST_IOMMU_STOCK TYPE_HOST_IOMMU_DEVICE "-svahost"

/* Registers, 32 bits wide */
enum {
    REG_COUNT       = 0x00, /* calls so far; written: forget them */
    REG_HOLD        = 0x04, /* stop before each call; 2: when it goes, too */
    REG_STEP        = 0x08, /* written: it may begin so many more calls */
    REG_PENDING     = 0x0c, /* calls that are queued or run */
    REG_BIND_ERROR  = 0x10, /* errno of binds */
    REG_RID_ERROR   = 0x14, /* errno of set_rid */
    REG_QUOTA       = 0x18, /* PASIDs that may be bound */
    REG_LAZY        = 0x1c, /* records wait until they are asked for */
    REG_PASID       = 0x20, /* of the next record, or ~0 */
    REG_ADDR_LO     = 0x24,
    REG_ADDR_HI     = 0x28,
    REG_FLAGS       = 0x2c, /* FLAG_* */
    REG_PRGI        = 0x30,
    REG_COOKIE      = 0x34,
    REG_REASON      = 0x38,
    REG_SEND        = 0x3c, /* written: REC_*, a record comes up */
    REG_DELIVERED   = 0x40, /* records that were handed over */
    REG_PROBE       = 0x44, /* does the second stage map ADDR? */
    REG_BOUND       = 0x48, /* PASIDs that are bound */
    REG_REPEAT      = 0x4c, /* the next record comes so many times */
};

enum {
    FLAG_READ       = 1 << 0,
    FLAG_WRITE      = 1 << 1,
    FLAG_EXEC       = 1 << 2,
    FLAG_PRIV       = 1 << 3,
    FLAG_LAST       = 1 << 4,
    FLAG_NEEDS_PASID = 1 << 5,
};

enum { REC_PAGE_REQUEST, REC_END, REC_RESET, REC_FAULT, REC_GONE };

enum {
    OP_BIND = 1, OP_UNBIND, OP_INVALIDATE, OP_SET_RID, OP_RESPOND, OP_DRAIN,
};

#define LOG_OFFSET      0x1000
#define LOG_ENTRIES     1024
#define BAR_SIZE        (64 * KiB)

/* SvaHostLog: a call as it is read from the BAR, words of 64 bits */
typedef struct SvaHostLog {
    uint64_t op;        /* bit 32: under the BQL, bit 33: PASID was bound */
    uint64_t pasid;
    uint64_t addr;      /* table; range; cookie */
    uint64_t arg;       /* width, SRE, WPE; size, leaf; code, PRGI, PASID */
} SvaHostLog;

typedef struct SvaHostRecord {
    uint32_t type;
    uint32_t reason;
    HostIOMMUNestingPageRequest req;
    QSIMPLEQ_ENTRY(SvaHostRecord) next;
} SvaHostRecord;

struct SvaHost {
    PCIDevice parent_obj;

    MemoryRegion bar;
    HostIOMMUDevice *hiod;
    AddressSpace *stage;
    QSIMPLEQ_HEAD(, SvaHostRecord) records;
    uint32_t delivered;
    uint32_t regs[REG_REPEAT / 4 + 1];

    /* Properties */
    char *kind;
    uint32_t format;
    uint8_t pasid_bits;
    uint8_t aw_bits;
    bool bind;
    bool invalidate;
    bool syswide;
    bool page_requests;
    uint32_t limit;
    uint64_t cap;
    uint64_t ecap;

    /* Protected by lock */
    QemuMutex lock;
    QemuCond cond;
    uint32_t hold;
    uint32_t steps;
    uint32_t bind_error;
    uint32_t rid_error;
    uint32_t quota;
    uint32_t count;
    SvaHostLog log[LOG_ENTRIES];
    GHashTable *bound;
};

typedef struct SvaHostIommu {
    HostIOMMUDeviceNesting parent_obj;
} SvaHostIommu;

static SvaHost *svahost_of(HostIOMMUDeviceNesting *hiodn)
{
    return HOST_IOMMU_DEVICE(hiodn)->agent;
}

/* What the thread does */

/* Wait for the test to let a call pass, and write it down. Locks. */
static void svahost_enter(SvaHost *s, uint64_t op, uint32_t pasid,
                          uint64_t addr, uint64_t arg)
{
    bool bound;

    qemu_mutex_lock(&s->lock);
    while (s->hold && !s->steps) {
        qemu_cond_wait(&s->cond, &s->lock);
    }
    s->steps -= !!s->steps;
    bound = g_hash_table_contains(s->bound, GUINT_TO_POINTER(pasid));
    s->log[s->count++ % LOG_ENTRIES] = (SvaHostLog) {
        .op = op | (uint64_t)bql_locked() << 32 | (uint64_t)bound << 33,
        .pasid = pasid, .addr = addr, .arg = arg,
    };
}

static void svahost_leave(SvaHost *s)
{
    qemu_mutex_unlock(&s->lock);
}

static uint64_t svahost_stage_arg(const HostIOMMUNestingFirstStage *fs)
{
    return fs->addr_width | fs->sre << 8 | fs->wpe << 9;
}

static int svahost_bind(HostIOMMUDeviceNesting *hiodn, uint32_t pasid,
                        const HostIOMMUNestingFirstStage *fs)
{
    SvaHost *s = svahost_of(hiodn);
    int ret;

    svahost_enter(s, OP_BIND, pasid, fs->table, svahost_stage_arg(fs));
    ret = -s->bind_error;
    if (!ret && g_hash_table_size(s->bound) >= s->quota &&
        !g_hash_table_contains(s->bound, GUINT_TO_POINTER(pasid))) {
        ret = -EDQUOT;
    }
    if (ret) {
        g_hash_table_remove(s->bound, GUINT_TO_POINTER(pasid));
    } else {
        g_hash_table_add(s->bound, GUINT_TO_POINTER(pasid));
    }
    svahost_leave(s);
    return ret;
}

static void svahost_unbind(HostIOMMUDeviceNesting *hiodn, uint32_t pasid)
{
    SvaHost *s = svahost_of(hiodn);

    svahost_enter(s, OP_UNBIND, pasid, 0, 0);
    g_hash_table_remove(s->bound, GUINT_TO_POINTER(pasid));
    svahost_leave(s);
}

static void svahost_invalidate(HostIOMMUDeviceNesting *hiodn,
                               const HostIOMMUNestingRange *range)
{
    SvaHost *s = svahost_of(hiodn);

    svahost_enter(s, OP_INVALIDATE, range->pasid, range->addr,
                  range->size | range->leaf);
    svahost_leave(s);
}

static int svahost_set_rid(HostIOMMUDeviceNesting *hiodn,
                           HostIOMMUNestingRidMode mode,
                           const HostIOMMUNestingFirstStage *fs)
{
    SvaHost *s = svahost_of(hiodn);
    int ret;

    svahost_enter(s, OP_SET_RID, mode, fs ? fs->table : 0,
                  fs ? svahost_stage_arg(fs) : 0);
    ret = -s->rid_error;
    svahost_leave(s);
    return ret;
}

static void svahost_respond(HostIOMMUDeviceNesting *hiodn,
                            const HostIOMMUNestingResponse *responses,
                            unsigned n)
{
    SvaHost *s = svahost_of(hiodn);

    for (unsigned i = 0; i < n; i++) {
        const HostIOMMUNestingResponse *r = &responses[i];

        svahost_enter(s, OP_RESPOND, r->pasid, r->cookie,
                      r->code | r->prgi << 8 | r->needs_pasid << 24 |
                      (uint64_t)n << 32);
        svahost_leave(s);
    }
}

static void svahost_drain(HostIOMMUDeviceNesting *hiodn)
{
    SvaHost *s = svahost_of(hiodn);

    svahost_enter(s, OP_DRAIN, 0, 0, 0);
    svahost_leave(s);
}

/* Records */

static void svahost_record(HostIOMMUDeviceNesting *hiodn,
                           const SvaHostRecord *rec)
{
    const HostIOMMUNestingListener *l = hiodn->listener;
    void *opaque = hiodn->listener_opaque;
    HostIOMMUNestingFault fault = {
        .reason = rec->reason, .pasid = rec->req.pasid, .addr = rec->req.addr,
        .read = rec->req.read, .write = rec->req.write,
        .exec = rec->req.exec, .priv = rec->req.priv,
    };

    switch (rec->type) {
    case REC_PAGE_REQUEST:
        l->page_requests(opaque, &rec->req, 1);
        break;
    case REC_END:
        l->page_request_end(opaque, rec->req.pasid, rec->req.prgi,
                            rec->req.cookie);
        break;
    case REC_RESET:
        l->page_requests_reset(opaque);
        break;
    case REC_FAULT:
        l->fault(opaque, &fault);
        break;
    case REC_GONE:
        l->gone(opaque, "the test has taken the device off");
        break;
    default:
        break;
    }
}

static void svahost_deliver(HostIOMMUDeviceNesting *hiodn)
{
    SvaHost *s = svahost_of(hiodn);
    SvaHostRecord *rec;

    while ((rec = QSIMPLEQ_FIRST(&s->records))) {
        QSIMPLEQ_REMOVE_HEAD(&s->records, next);
        s->delivered++;
        if (hiodn->listener) {
            svahost_record(hiodn, rec);
        }
        g_free(rec);
    }
}

static void svahost_send(SvaHost *s, uint32_t type)
{
    uint32_t flags = s->regs[REG_FLAGS / 4];
    uint32_t repeat = MAX(s->regs[REG_REPEAT / 4], 1);
    SvaHostRecord rec = {
        .type = type,
        .reason = s->regs[REG_REASON / 4],
        .req = {
            .pasid = s->regs[REG_PASID / 4],
            .addr = s->regs[REG_ADDR_LO / 4] |
                    (uint64_t)s->regs[REG_ADDR_HI / 4] << 32,
            .prgi = s->regs[REG_PRGI / 4],
            .cookie = s->regs[REG_COOKIE / 4],
            .read = flags & FLAG_READ, .write = flags & FLAG_WRITE,
            .exec = flags & FLAG_EXEC, .priv = flags & FLAG_PRIV,
            .last = flags & FLAG_LAST,
            .needs_pasid = flags & FLAG_NEEDS_PASID,
        },
    };

    while (repeat--) {
        SvaHostRecord *copy = g_memdup2(&rec, sizeof(rec));

        QSIMPLEQ_INSERT_TAIL(&s->records, copy, next);
    }
    s->regs[REG_REPEAT / 4] = 0;
    if (!s->regs[REG_LAZY / 4]) {
        svahost_deliver(HOST_IOMMU_DEVICE_NESTING(s->hiod));
    }
}

/* Registers */

static uint32_t svahost_probe(SvaHost *s)
{
    hwaddr addr = s->regs[REG_ADDR_LO / 4] |
                  (uint64_t)s->regs[REG_ADDR_HI / 4] << 32;
    uint32_t val;

    return s->stage && !address_space_read(s->stage, addr,
                                           MEMTXATTRS_UNSPECIFIED, &val,
                                           sizeof(val));
}

static uint64_t svahost_read_reg(SvaHost *s, hwaddr addr)
{
    switch (addr) {
    case REG_COUNT:
        return s->count;
    case REG_PENDING:
        return host_iommu_nesting_pending(HOST_IOMMU_DEVICE_NESTING(s->hiod));
    case REG_DELIVERED:
        return s->delivered;
    case REG_PROBE:
        return svahost_probe(s);
    case REG_BOUND:
        return g_hash_table_size(s->bound);
    default:
        return addr <= REG_REPEAT ? s->regs[addr / 4] : 0;
    }
}

static uint64_t svahost_mmio_read(void *opaque, hwaddr addr, unsigned size)
{
    SvaHost *s = opaque;
    uint64_t val = 0;

    QEMU_LOCK_GUARD(&s->lock);
    if (addr < LOG_OFFSET) {
        return svahost_read_reg(s, addr);
    }
    if (addr - LOG_OFFSET + size <= sizeof(s->log)) {
        memcpy(&val, (uint8_t *)s->log + (addr - LOG_OFFSET), size);
    }
    return val;
}

static void svahost_mmio_write(void *opaque, hwaddr addr, uint64_t val,
                               unsigned size)
{
    SvaHost *s = opaque;

    if (addr > REG_REPEAT) {
        return;
    }
    s->regs[addr / 4] = val;
    if (addr == REG_SEND) {
        svahost_send(s, val);
        return;
    }
    QEMU_LOCK_GUARD(&s->lock);
    switch (addr) {
    case REG_COUNT:
        s->count = 0;
        break;
    case REG_HOLD:
        s->hold = val;
        s->steps = 0;
        break;
    case REG_STEP:
        s->steps += val;
        break;
    case REG_BIND_ERROR:
        s->bind_error = val;
        break;
    case REG_RID_ERROR:
        s->rid_error = val;
        break;
    case REG_QUOTA:
        s->quota = val;
        break;
    default:
        break;
    }
    qemu_cond_broadcast(&s->cond);
}

static const MemoryRegionOps svahost_mmio_ops = {
    .read = svahost_mmio_read,
    .write = svahost_mmio_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 4, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};

/* The host's side */

static bool svahost_hiod_realize(HostIOMMUDevice *hiod, void *opaque,
                                 Error **errp)
{
    hiod->agent = opaque;
    hiod->name = g_strdup(object_get_canonical_path_component(opaque) ? :
                          TYPE_SVAHOST);
    return true;
}

static int svahost_get_cap(HostIOMMUDevice *hiod, int cap, Error **errp)
{
    SvaHost *s = hiod->agent;

    return cap == HOST_IOMMU_DEVICE_CAP_AW_BITS ? s->aw_bits : 0;
}

static bool svahost_get_info(HostIOMMUDeviceNesting *hiodn,
                             HostIOMMUNestingInfo *info, Error **errp)
{
    SvaHost *s = svahost_of(hiodn);

    *info = (HostIOMMUNestingInfo) {
        .format = s->format, .pasid_bits = s->pasid_bits,
        .syswide_pasid = s->syswide, .bind = s->bind,
        .invalidate = s->invalidate,
        .set_rid = HOST_IOMMU_DEVICE_NESTING_GET_CLASS(hiodn)->set_rid,
        .page_requests = s->page_requests,
        .page_request_limit = s->page_requests ? s->limit : 0,
        .vtd_cap = s->cap, .vtd_ecap = s->ecap,
    };
    return true;
}

static void svahost_stock_class_init(ObjectClass *oc, void *data)
{
    HostIOMMUDeviceClass *hiodc = HOST_IOMMU_DEVICE_CLASS(oc);

    hiodc->realize = svahost_hiod_realize;
    hiodc->get_cap = svahost_get_cap;
}

static void svahost_iommu_class_init(ObjectClass *oc, void *data)
{
    HostIOMMUDeviceNestingClass *hiodnc = HOST_IOMMU_DEVICE_NESTING_CLASS(oc);

    svahost_stock_class_init(oc, data);
    hiodnc->get_info = svahost_get_info;
    hiodnc->bind = svahost_bind;
    hiodnc->unbind = svahost_unbind;
    hiodnc->invalidate = svahost_invalidate;
    hiodnc->respond = svahost_respond;
    hiodnc->deliver = svahost_deliver;
}

static void svahost_iommu_rid_class_init(ObjectClass *oc, void *data)
{
    HostIOMMUDeviceNestingClass *hiodnc = HOST_IOMMU_DEVICE_NESTING_CLASS(oc);

    hiodnc->set_rid = svahost_set_rid;
    hiodnc->drain = svahost_drain;
}

/* The device */

static void svahost_exit(PCIDevice *dev)
{
    SvaHost *s = SVAHOST(dev);

    WITH_QEMU_LOCK_GUARD(&s->lock) {
        s->hold = s->hold > 1 ? s->hold : 0;
        qemu_cond_broadcast(&s->cond);
    }
    pci_device_unset_iommu_device(dev);
    object_unref(s->hiod);
}

/* A device that goes has no registers any more: the monitor ends the hold. */
static void svahost_set_hold(Object *obj, bool hold, Error **errp)
{
    SvaHost *s = SVAHOST(obj);

    QEMU_LOCK_GUARD(&s->lock);
    s->hold = hold;
    qemu_cond_broadcast(&s->cond);
}

static void svahost_realize(PCIDevice *dev, Error **errp)
{
    SvaHost *s = SVAHOST(dev);
    bool stock = !g_strcmp0(s->kind, "stock");
    bool rid = !g_strcmp0(s->kind, "rid");

    if (!stock) {
        s->stage = pci_sva_second_stage(dev, errp);
        if (!s->stage) {
            return;
        }
    }
    s->hiod = HOST_IOMMU_DEVICE(object_new(
        stock ? TYPE_SVAHOST_IOMMU_STOCK :
        rid ? TYPE_SVAHOST_IOMMU_RID : TYPE_SVAHOST_IOMMU));
    svahost_hiod_realize(s->hiod, s, NULL);
    if (!pci_device_set_iommu_device(dev, s->hiod, errp)) {
        object_unref(s->hiod);
        return;
    }
    memory_region_init_io(&s->bar, OBJECT(s), &svahost_mmio_ops, s, "svahost",
                          BAR_SIZE);
    pci_register_bar(dev, 0, PCI_BASE_ADDRESS_SPACE_MEMORY, &s->bar);
    if (pci_bus_is_express(pci_get_bus(dev))) {
        pcie_endpoint_cap_init(dev, 0x80);
    }
}

static void svahost_init(Object *obj)
{
    SvaHost *s = SVAHOST(obj);

    qemu_mutex_init(&s->lock);
    qemu_cond_init(&s->cond);
    QSIMPLEQ_INIT(&s->records);
    s->bound = g_hash_table_new(NULL, NULL);
    s->quota = UINT32_MAX;
    PCI_DEVICE(obj)->cap_present |= QEMU_PCI_CAP_EXPRESS;
}

static void svahost_finalize(Object *obj)
{
    SvaHost *s = SVAHOST(obj);

    g_hash_table_destroy(s->bound);
    qemu_cond_destroy(&s->cond);
    qemu_mutex_destroy(&s->lock);
}

static const Property svahost_properties[] = {
    DEFINE_PROP_STRING("kind", SvaHost, kind),
    DEFINE_PROP_UINT32("format", SvaHost, format, HOST_IOMMU_NESTING_VTD),
    DEFINE_PROP_UINT8("pasid-bits", SvaHost, pasid_bits, 20),
    DEFINE_PROP_UINT8("aw-bits", SvaHost, aw_bits, 48),
    DEFINE_PROP_BOOL("bind", SvaHost, bind, true),
    DEFINE_PROP_BOOL("invalidate", SvaHost, invalidate, true),
    DEFINE_PROP_BOOL("syswide-pasid", SvaHost, syswide, false),
    DEFINE_PROP_BOOL("page-requests", SvaHost, page_requests, true),
    DEFINE_PROP_UINT32("page-request-limit", SvaHost, limit, 64),
    DEFINE_PROP_UINT64("cap", SvaHost, cap, UINT64_MAX),
    DEFINE_PROP_UINT64("ecap", SvaHost, ecap, UINT64_MAX),
};

static const VMStateDescription svahost_vmstate = {
    .name = TYPE_SVAHOST,
    .unmigratable = 1,
};

static void svahost_class_init(ObjectClass *oc, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(oc);
    PCIDeviceClass *pc = PCI_DEVICE_CLASS(oc);

    dc->desc = "Stand-in for a passed-through device, for tests";
    dc->vmsd = &svahost_vmstate;
    device_class_set_props(dc, svahost_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
    pc->realize = svahost_realize;
    pc->exit = svahost_exit;
    object_class_property_add_bool(oc, "hold", NULL, svahost_set_hold);
    pc->vendor_id = PCI_VENDOR_ID_QEMU;
    pc->device_id = 0x11e9;
    pc->class_id = PCI_CLASS_OTHERS;
}

static const TypeInfo svahost_types[] = {
    {
        .name = TYPE_SVAHOST,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(SvaHost),
        .instance_init = svahost_init,
        .instance_finalize = svahost_finalize,
        .class_init = svahost_class_init,
        .interfaces = (InterfaceInfo[]) {
            { INTERFACE_PCIE_DEVICE },
            { INTERFACE_CONVENTIONAL_PCI_DEVICE },
            { },
        },
    }, {
        .name = TYPE_SVAHOST_IOMMU,
        .parent = TYPE_HOST_IOMMU_DEVICE_NESTING,
        .instance_size = sizeof(SvaHostIommu),
        .class_init = svahost_iommu_class_init,
    }, {
        .name = TYPE_SVAHOST_IOMMU_RID,
        .parent = TYPE_SVAHOST_IOMMU,
        .class_init = svahost_iommu_rid_class_init,
    }, {
        .name = TYPE_SVAHOST_IOMMU_STOCK,
        .parent = TYPE_HOST_IOMMU_DEVICE,
        .instance_size = sizeof(HostIOMMUDevice),
        .class_init = svahost_stock_class_init,
    },
};

DEFINE_TYPES(svahost_types)
