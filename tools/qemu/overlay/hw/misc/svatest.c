/*
 * svatest: a PCI Express device for shared virtual addressing
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Configuration space and life cycle. What the device offers to software is in
 * standard-headers/misc/svatest.h; where to find what is on top of
 * svatest_internal.h.
 */

#include "qemu/osdep.h"
#include "qemu/module.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_regs.h"
#include "hw/qdev-properties.h"
#include "hw/resettable.h"
#include "migration/vmstate.h"
#include "svatest_internal.h"

#define SVATEST_MSIX_PBA 0x800
#define SVATEST_CAP_STEP 0x20
#define SVATEST_CLASS 0x1200        /* processing accelerator */
#define SVATEST_BAR_TYPE (PCI_BASE_ADDRESS_SPACE_MEMORY | \
                          PCI_BASE_ADDRESS_MEM_TYPE_64)

static const PCISVAEndpointOps svatest_endpoint_ops = {
    .invalidate = svatest_atc_invalidate,
    .prg_response = svatest_pri_response,
};

static uint16_t svatest_ats_word(SVATestState *s, unsigned offset)
{
    PCIDevice *dev = &s->parent_obj;

    return dev->exp.ats_cap ?
           pci_get_word(dev->config + dev->exp.ats_cap + offset) : 0;
}

static bool svatest_ats_control(SVATestState *s)
{
    return svatest_ats_word(s, PCI_ATS_CTRL) & PCI_ATS_CTRL_ENABLE;
}

bool svatest_ats_enabled(SVATestState *s)
{
    return svatest_ats_control(s) && !s->ats_refused;
}

bool svatest_ats_global(SVATestState *s)
{
    return svatest_ats_word(s, PCI_ATS_CAP) & SVATEST_ATS_CAP_GLOBAL;
}

/* log2 of the bytes that a translation has at least, for a VF as for its PF */
unsigned svatest_ats_unit(SVATestState *s)
{
    return PCI_ATS_MIN_STU +
           PCI_ATS_CTRL_STU(svatest_ats_word(svatest_pf(s), PCI_ATS_CTRL));
}

/*
 * A translation request was an Unsupported Request: nobody above wants to hear
 * of ATS, or knows what is in the cache. Software learns it and may enable ATS
 * once more.
 */
void svatest_ats_refuse(SVATestState *s)
{
    s->ats_refused = true;
    svatest_atc_clear(s);
    svatest_set_error(s, SVATEST_ERR_ATS);
}

/* PRI and PASID of a VF are those of its PF. */
bool svatest_pri_enabled(SVATestState *s)
{
    SVATestState *pf = svatest_pf(s);

    return pf->pri_cap &&
           (pci_get_word(pf->parent_obj.config + pf->pri_cap + PCI_PRI_CTRL) &
            PCI_PRI_CTRL_ENABLE);
}

/* May this request, to read or only to write, leave the function? */
bool svatest_dma_enabled(SVATestState *s, const SVATestRequester *who,
                         bool read)
{
    SVATestState *pf = svatest_pf(s);
    uint16_t need = PCI_PASID_CTRL_ENABLE |
                    (who->exec && read ? PCI_PASID_CTRL_EXEC : 0) |
                    (who->priv ? PCI_PASID_CTRL_PRIV : 0);

    if (!(pci_get_word(s->parent_obj.config + PCI_COMMAND) &
          PCI_COMMAND_MASTER)) {
        return false;
    }
    return who->pasid == PCI_NO_PASID ||
           (pf->pasid_cap &&
            !(need & ~pci_get_word(pf->parent_obj.config + pf->pasid_cap +
                                   PCI_PASID_CTRL)));
}

/* Set @bits; Stopped follows from the enable bit and the open groups. */
void svatest_pri_set_status(SVATestState *pf, uint16_t bits)
{
    uint8_t *status;

    if (!pf->pri_cap) {
        return;
    }
    status = pf->parent_obj.config + pf->pri_cap + PCI_PRI_STATUS;
    if (svatest_pri_enabled(pf)) {
        pci_word_test_and_clear_mask(status, PCI_PRI_STATUS_STOPPED);
    } else if (!pf->pri.open) {
        bits |= PCI_PRI_STATUS_STOPPED;
    }
    pci_word_test_and_set_mask(status, bits);
}

/* A Response Failure: no more requests, and no more responses are expected. */
void svatest_pri_fail(SVATestState *pf)
{
    svatest_pri_forget(pf, NULL);
    pci_word_test_and_clear_mask(pf->parent_obj.config + pf->pri_cap +
                                 PCI_PRI_CTRL, PCI_PRI_CTRL_ENABLE);
    svatest_pri_set_status(pf, PCI_PRI_STATUS_RF);
}

/* Reset works only while the interface is, or is being, disabled. */
static void svatest_pri_config(SVATestState *s, uint32_t addr, uint32_t val,
                               int len)
{
    uint32_t ctrl = s->pri_cap + PCI_PRI_CTRL;

    if (!s->pri_cap || addr >= s->pri_cap + PCI_EXT_CAP_PRI_SIZEOF ||
        addr + len <= s->pri_cap) {
        return;
    }
    if (addr == ctrl && (val & PCI_PRI_CTRL_RESET) &&
        !(val & PCI_PRI_CTRL_ENABLE)) {
        svatest_pri_forget(s, NULL);
        svatest_pri_wake(s);
    }
    svatest_pri_set_status(s, 0);
}

/* 0 for D0 to 3 for D3hot */
static unsigned svatest_power_state(PCIDevice *dev)
{
    return dev->pm_cap ? pci_get_word(dev->config + dev->pm_cap + PCI_PM_CTRL) &
                         PCI_PM_CTRL_STATE_MASK : 0;
}

static void svatest_write_config(PCIDevice *dev, uint32_t addr, uint32_t val,
                                 int len)
{
    SVATestState *s = SVATEST(dev);
    unsigned slept = svatest_power_state(dev);

    pci_default_write_config(dev, addr, val, len);
    if (slept && !svatest_power_state(dev)) {
        /* No_Soft_Reset is clear. */
        pci_device_reset(dev);
    }
    pcie_cap_flr_write_config(dev, addr, val, len);
    svatest_pri_config(s, addr, val, len);
    if (!svatest_ats_control(s)) {
        s->ats_refused = false;
        svatest_atc_clear(s);
    }
    svatest_kick(s);
}

static bool svatest_add_pm(SVATestState *s, Error **errp)
{
    PCIDevice *dev = &s->parent_obj;
    int cap = pci_pm_init(dev, 0, errp);

    if (cap < 0) {
        return false;
    }
    pci_set_word(dev->config + cap + PCI_PM_PMC, 3);    /* version 1.2 */
    pci_set_word(dev->wmask + cap + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
    return true;
}

static void svatest_add_pasid(SVATestState *s, uint16_t offset)
{
    PCIDevice *dev = &s->parent_obj;
    uint16_t bits = (s->cap_exec ? PCI_PASID_CAP_EXEC : 0) |
                    (s->cap_priv ? PCI_PASID_CAP_PRIV : 0);

    pcie_add_capability(dev, PCI_EXT_CAP_ID_PASID, 1, offset,
                        PCI_EXT_CAP_PASID_SIZEOF);
    pci_set_word(dev->config + offset + PCI_PASID_CAP,
                 bits | s->pasid_bits << 8);
    pci_set_word(dev->wmask + offset + PCI_PASID_CTRL,
                 bits | PCI_PASID_CTRL_ENABLE);
    s->pasid_cap = offset;
}

static void svatest_add_pri(SVATestState *s, uint16_t offset)
{
    PCIDevice *dev = &s->parent_obj;

    pcie_add_capability(dev, PCI_EXT_CAP_ID_PRI, 1, offset,
                        PCI_EXT_CAP_PRI_SIZEOF);
    pci_set_word(dev->wmask + offset + PCI_PRI_CTRL, PCI_PRI_CTRL_ENABLE);
    pci_set_word(dev->config + offset + PCI_PRI_STATUS,
                 PCI_PRI_STATUS_STOPPED |
                 (s->prg_pasid ? PCI_PRI_STATUS_PASID : 0));
    pci_set_word(dev->w1cmask + offset + PCI_PRI_STATUS,
                 PCI_PRI_STATUS_RF | PCI_PRI_STATUS_UPRGI);
    pci_set_long(dev->config + offset + PCI_PRI_MAX_REQ, SVATEST_CREDITS);
    pci_set_long(dev->wmask + offset + PCI_PRI_ALLOC_REQ, UINT32_MAX);
    s->pri_cap = offset;
}

static void svatest_add_ats(SVATestState *s, uint16_t offset)
{
    PCIDevice *dev = &s->parent_obj;
    bool global = s->ats_global && svatest_pf(s)->pasid_bits;

    pcie_ats_init(dev, offset, true);
    pci_word_test_and_set_mask(dev->config + offset + PCI_ATS_CAP,
                               PCI_ATS_CAP_QDEP(s->queue_depth) |
                               (global ? SVATEST_ATS_CAP_GLOBAL : 0));
    pci_set_word(dev->wmask + offset + PCI_ATS_CTRL,
                 PCI_ATS_CTRL_ENABLE |
                 (pci_is_vf(dev) ? 0 : PCI_ATS_CTRL_STU(0x1f)));
}

static bool svatest_add_sriov(SVATestState *s, uint16_t offset, Error **errp)
{
    PCIDevice *dev = &s->parent_obj;

    if (!pcie_sriov_pf_init(dev, offset, TYPE_SVATEST_VF, SVATEST_VF_DEVICE_ID,
                            s->num_vfs, s->num_vfs, 1, 1, errp)) {
        return false;
    }
    pcie_sriov_pf_init_vf_bar(dev, SVATEST_BAR_REGS, SVATEST_BAR_TYPE,
                              SVATEST_REGS_SIZE);
    pcie_sriov_pf_init_vf_bar(dev, SVATEST_BAR_MEM, SVATEST_BAR_TYPE |
                              PCI_BASE_ADDRESS_MEM_PREFETCH,
                              SVATEST_MEM_SIZE);
    pcie_sriov_pf_init_vf_bar(dev, SVATEST_BAR_MSIX, SVATEST_BAR_TYPE,
                              SVATEST_MSIX_SIZE);
    return true;
}

static bool svatest_check_properties(SVATestState *s, Error **errp)
{
    PCIDevice *dev = &s->parent_obj;

    if (!s->num_channels || s->num_channels > SVATEST_MAX_CHANNELS) {
        error_setg(errp, "channels must be 1 to %u", SVATEST_MAX_CHANNELS);
    } else if (s->pasid_bits > 20) {
        error_setg(errp, "pasid-bits must be 0 to 20");
    } else if (s->num_vfs > SVATEST_MAX_VFS) {
        error_setg(errp, "sriov-vfs must be 0 to %u", SVATEST_MAX_VFS);
    } else if (s->queue_depth > 31) {
        error_setg(errp, "ats-queue-depth must be 0 to 31, 0 means 32");
    } else if (!s->atc_entries || s->atc_entries > 1 * MiB) {
        error_setg(errp, "atc-entries must be 1 to 1048576");
    } else if (!s->slice_bytes_prop ||
               s->slice_bytes_prop > SVATEST_MEM_SIZE) {
        error_setg(errp, "slice-bytes must be 1 to %u", SVATEST_MEM_SIZE);
    } else if (s->has_pri && !s->has_ats) {
        error_setg(errp, "pri=on needs ats=on");
    } else if (s->num_vfs && PCI_FUNC(dev->devfn)) {
        error_setg(errp, "sriov-vfs needs function 0 of its slot");
    } else if (s->has_acs && !PCI_FUNC(dev->devfn) &&
               !(dev->cap_present & QEMU_PCI_CAP_MULTIFUNCTION)) {
        error_setg(errp, "acs=on needs multifunction=on");
    } else if (!pci_bus_is_express(pci_get_bus(dev))) {
        error_setg(errp, "svatest needs a PCI Express bus");
    } else {
        return true;
    }
    return false;
}

static bool svatest_realize_bars(SVATestState *s, Error **errp)
{
    PCIDevice *dev = &s->parent_obj;
    Object *obj = OBJECT(s);

    memory_region_init_io(&s->regs, obj, &svatest_regs_ops, s, "svatest-regs",
                          SVATEST_REGS_SIZE);
    if (!memory_region_init_ram(&s->mem, obj, "svatest-mem", SVATEST_MEM_SIZE,
                                errp)) {
        return false;
    }
    memory_region_init(&s->msix_bar, obj, "svatest-msix", SVATEST_MSIX_SIZE);
    pci_register_bar(dev, SVATEST_BAR_REGS, SVATEST_BAR_TYPE, &s->regs);
    pci_register_bar(dev, SVATEST_BAR_MEM, SVATEST_BAR_TYPE |
                     PCI_BASE_ADDRESS_MEM_PREFETCH, &s->mem);
    pci_register_bar(dev, SVATEST_BAR_MSIX, SVATEST_BAR_TYPE, &s->msix_bar);
    if (msix_init(dev, 1 + s->num_channels, &s->msix_bar, SVATEST_BAR_MSIX, 0,
                  &s->msix_bar, SVATEST_BAR_MSIX, SVATEST_MSIX_PBA, 0,
                  errp)) {
        return false;
    }
    for (unsigned i = 0; i < 1 + s->num_channels; i++) {
        msix_vector_use(dev, i);
    }
    return true;
}

/* A VF takes from its PF what the command line says of the device. */
static void svatest_vf_inherit(SVATestState *s)
{
    SVATestState *pf = svatest_pf(s);

    s->num_channels = pf->num_channels;
    s->has_ats = pf->has_ats;
    s->ats_global = pf->ats_global;
    s->queue_depth = pf->queue_depth;
    s->atc_entries = pf->atc_entries;
    s->slice_bytes_prop = pf->slice_bytes_prop;
    s->num_vfs = 0;
}

static bool svatest_add_ext_caps(SVATestState *s, Error **errp)
{
    PCIDevice *dev = &s->parent_obj;
    bool vf = pci_is_vf(dev);
    uint16_t offset = PCI_CONFIG_SPACE_SIZE;

    if (s->has_ats) {
        svatest_add_ats(s, offset);
        offset += SVATEST_CAP_STEP;
    }
    if (s->pasid_bits && !vf) {
        svatest_add_pasid(s, offset);
        offset += SVATEST_CAP_STEP;
    }
    if (s->has_pri && !vf) {
        svatest_add_pri(s, offset);
        offset += SVATEST_CAP_STEP;
    }
    if (s->has_acs && !vf) {
        pcie_acs_init(dev, offset);
        offset += SVATEST_CAP_STEP;
    }
    return !s->num_vfs || svatest_add_sriov(s, offset, errp);
}

static void svatest_exit(PCIDevice *dev)
{
    SVATestState *s = SVATEST(dev);

    pcie_sriov_pf_exit(dev);
    if (s->attached) {
        pci_sva_detach(dev);
    }
    if (pci_is_vf(dev)) {
        svatest_pri_forget(svatest_pf(s), s);
    }
    if (s->timer) {
        timer_free(s->timer);
        qemu_bh_delete(s->bh);
    }
    svatest_atc_free(s);
    msix_uninit(dev, &s->msix_bar, &s->msix_bar);
    pcie_cap_exit(dev);
}

static void svatest_realize(PCIDevice *dev, Error **errp)
{
    SVATestState *s = SVATEST(dev);

    if (pci_is_vf(dev)) {
        svatest_vf_inherit(s);
    } else if (!svatest_check_properties(s, errp)) {
        return;
    }
    if (!svatest_realize_bars(s, errp)) {
        return;
    }
    if (pcie_endpoint_cap_init(dev, 0) < 0) {
        error_setg(errp, "svatest has no room for the PCI Express capability");
        return;
    }
    pcie_cap_flr_init(dev);
    if (s->has_pm && !pci_is_vf(dev) && !svatest_add_pm(s, errp)) {
        return;
    }
    svatest_atc_init(s);
    s->bh = qemu_bh_new_guarded(svatest_slice, s,
                                &DEVICE(dev)->mem_reentrancy_guard);
    s->timer = timer_new_ns(QEMU_CLOCK_VIRTUAL, svatest_timer, s);
    svatest_regs_reset(s, false);
    if (!svatest_add_ext_caps(s, errp)) {
        svatest_exit(dev);
        return;
    }
    s->attached = pci_sva_attach(dev, &svatest_endpoint_ops, s);
}

/* What a function level reset and a bus reset do. */
static void svatest_reset_hold(Object *obj, ResetType type)
{
    SVATestState *s = SVATEST(obj);
    SVATestState *pf = svatest_pf(s);
    PCIDevice *dev = &s->parent_obj;
    bool keep = s->lie & SVATEST_KL_KEEP_FLR;

    svatest_pri_orphan(s, -1);
    svatest_regs_reset(s, keep);
    timer_del(s->timer);
    qemu_bh_cancel(s->bh);
    if (keep) {
        return;
    }
    s->num_held = 0;
    s->ats_refused = false;
    svatest_atc_clear(s);
    memset(s->counter, 0, sizeof(s->counter));
    svatest_pri_forget(pf, pf == s ? NULL : s);
    svatest_pri_wake(pf);
    if (dev->exp.ats_cap) {
        pci_set_word(dev->config + dev->exp.ats_cap + PCI_ATS_CTRL, 0);
    }
    pcie_acs_reset(dev);
    if (s->pasid_cap) {
        pci_set_word(dev->config + s->pasid_cap + PCI_PASID_CTRL, 0);
    }
    if (s->pri_cap) {
        pci_set_word(dev->config + s->pri_cap + PCI_PRI_CTRL, 0);
        pci_set_long(dev->config + s->pri_cap + PCI_PRI_ALLOC_REQ, 0);
        pci_set_word(dev->config + s->pri_cap + PCI_PRI_STATUS,
                     PCI_PRI_STATUS_STOPPED |
                     (s->prg_pasid ? PCI_PRI_STATUS_PASID : 0));
    }
}

static const VMStateDescription svatest_vmstate = {
    .name = TYPE_SVATEST,
    .unmigratable = 1,
};

static const Property svatest_properties[] = {
    DEFINE_PROP_UINT8("pasid-bits", SVATestState, pasid_bits, 20),
    DEFINE_PROP_UINT8("channels", SVATestState, num_channels, 4),
    DEFINE_PROP_UINT8("sriov-vfs", SVATestState, num_vfs, 0),
    DEFINE_PROP_UINT8("ats-queue-depth", SVATestState, queue_depth, 0),
    DEFINE_PROP_BOOL("ats", SVATestState, has_ats, true),
    DEFINE_PROP_BOOL("ats-global", SVATestState, ats_global, true),
    DEFINE_PROP_BOOL("pri", SVATestState, has_pri, true),
    DEFINE_PROP_BOOL("prg-pasid", SVATestState, prg_pasid, true),
    DEFINE_PROP_BOOL("acs", SVATestState, has_acs, false),
    DEFINE_PROP_BOOL("pm", SVATestState, has_pm, false),
    DEFINE_PROP_BOOL("cap-exec", SVATestState, cap_exec, true),
    DEFINE_PROP_BOOL("cap-priv", SVATestState, cap_priv, true),
    DEFINE_PROP_UINT32("atc-entries", SVATestState, atc_entries, 4096),
    DEFINE_PROP_UINT32("slice-bytes", SVATestState, slice_bytes_prop, 64 * KiB),
};

static void svatest_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);
    PCIDeviceClass *k = PCI_DEVICE_CLASS(klass);
    ResettableClass *rc = RESETTABLE_CLASS(klass);

    k->realize = svatest_realize;
    k->exit = svatest_exit;
    k->config_write = svatest_write_config;
    k->vendor_id = SVATEST_VENDOR_ID;
    k->device_id = SVATEST_DEVICE_ID;
    k->revision = SVATEST_VERSION;
    k->class_id = SVATEST_CLASS;
    rc->phases.hold = svatest_reset_hold;
    dc->desc = "Test device for PASID, ATS and PRI";
    dc->vmsd = &svatest_vmstate;
    device_class_set_props(dc, svatest_properties);
    set_bit(DEVICE_CATEGORY_MISC, dc->categories);
}

static void svatest_vf_class_init(ObjectClass *klass, void *data)
{
    DeviceClass *dc = DEVICE_CLASS(klass);

    dc->desc = "Virtual function of svatest";
    dc->user_creatable = false;
}

static const TypeInfo svatest_types[] = {
    {
        .name = TYPE_SVATEST,
        .parent = TYPE_PCI_DEVICE,
        .instance_size = sizeof(SVATestState),
        .class_init = svatest_class_init,
        .interfaces = (InterfaceInfo[]) { { INTERFACE_PCIE_DEVICE }, { } },
    },
    {
        .name = TYPE_SVATEST_VF,
        .parent = TYPE_SVATEST,
        .class_init = svatest_vf_class_init,
    },
};

DEFINE_TYPES(svatest_types)
