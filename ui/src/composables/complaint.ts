// A write that was refused is said in the page's language where it has words for it, else in the server's own sentence.
import { ElMessage } from "element-plus";
import { useI18n } from "vue-i18n";
import { ApiError } from "@/api/client";
import { faultText } from "@/lib/faults";

export function useComplaint(): (fault: unknown) => void {
  const { t } = useI18n();
  return (fault) => {
    ElMessage({ type: "error", showClose: true, duration: 8_000, message: sentence(fault, t("error.unreachable")) });
  };
}

export function sentence(fault: unknown, otherwise: string): string {
  if (!(fault instanceof ApiError) || !fault.message) return otherwise;
  return faultText(fault);
}
